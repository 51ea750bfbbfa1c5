import { t } from "../../ui/i18n";
import { Markdown } from "./markdown/Markdown";
import type { Message } from "./message";
import { parts } from "./steps";
import { TokenView } from "./TokenView";
import { ToolCard } from "./ToolCard";

/** An answer's words and its calls of tools. `weighed`: word by word, tinted by probability. */
export function AnswerBody({ message, weighed }: { message: Message; weighed: boolean }) {
  const running = message.status === "streaming";
  const waits = running && message.content === "" && message.steps.length === 0;
  return (
    <>
      {parts(message).map((part) => {
        if (part.kind === "step") {
          return <ToolCard key={`step-${part.number}`} message={message} step={part.step} />;
        }
        if (weighed) {
          const { text, start } = part;
          return <TokenView key={`text-${start}`} text={text} start={start} tokens={message.tokens} />;
        }
        return (
          <Markdown
            key={`text-${part.start}`}
            text={part.text}
            running={running && part.last}
          />
        );
      })}
      {waits && (
        <div className="thinking" role="status" aria-label={t("Waiting for the first word")}>
          <span />
          <span />
          <span />
        </div>
      )}
    </>
  );
}
