import { Check } from "lucide-react";

import { describeError } from "../../api/http";
import { shortName } from "../../api/names";
import { t } from "../../ui/i18n";
import { AnswerBody } from "./AnswerBody";
import { keep } from "./answers";
import { useChatContext } from "./context";
import type { Message } from "./message";
import { rate } from "./rating/rate";
import { get, useChat } from "./store";
import { find } from "./thread";
import { UsageLine } from "./UsageLine";

/** Two answers to one question, side by side; the one that is kept goes on. */
export function Comparison({ pair }: { pair: readonly [string, string] }) {
  return (
    <div className="comparison" role="group" aria-label={t("Two answers side by side")}>
      {pair.map((id) => (
        <Column key={id} id={id} other={pair.find((one) => one !== id) ?? id} />
      ))}
    </div>
  );
}

const says = (answer: Message | undefined): boolean =>
  answer !== undefined && answer.status !== "error" && answer.content.trim() !== "";

function Column({ id, other }: { id: string; other: string }) {
  const { threadKey } = useChatContext();
  const message = useChat(({ threads }) => {
    const thread = threads[threadKey];
    return thread && find(thread, id);
  });
  if (message === undefined) return null;
  const running = message.status === "streaming";
  const model = message.model ?? t("default model");
  return (
    <section
      className="comparison-column"
      aria-label={t("Answer of {model}", { model })}
      aria-busy={running}
      data-status={message.status}
    >
      <h3 title={model}>{shortName(model)}</h3>
      <div className="comparison-body">
        <AnswerBody message={message} weighed={false} />
        {message.status === "error" && (
          <p className="comparison-error" role="alert">
            {message.error ? describeError(message.error) : t("This answer failed.")}
          </p>
        )}
      </div>
      {!running && (
        <footer>
          <UsageLine message={message} withModel={false} />
          <button
            type="button"
            className="button button-small"
            aria-label={t("Keep this one, the answer of {model}", { model })}
            onClick={() => {
              const against = find(get(threadKey), other);
              const kept = keep(threadKey, id);
              // Of two that said something, the choice is a preference to learn from.
              if (!says(message) || !says(against)) return;
              void rate(id, { thumb: "up" }, threadKey);
              void kept.then(() => rate(other, { thumb: "down" }, threadKey));
            }}
          >
            <Check size={14} aria-hidden /> {t("Keep this one")}
          </button>
        </footer>
      )}
    </section>
  );
}
