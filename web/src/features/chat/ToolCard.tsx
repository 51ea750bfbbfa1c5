import { Check, ChevronRight, CircleSlash, LoaderCircle, TriangleAlert, Wrench } from "lucide-react";
import { useState } from "react";

import type { StepStatus, ToolStep } from "../../api/types";
import { t } from "../../ui/i18n";
import { decide } from "./answers";
import { useChatContext } from "./context";
import type { Message } from "./message";
import { inShort, indented, resultInShort } from "./steps";

const ICONS = {
  waiting: Wrench,
  running: LoaderCircle,
  done: Check,
  failed: TriangleAlert,
  refused: CircleSlash,
};

function inWords(status: StepStatus): string {
  switch (status) {
    case "waiting":
      return t("waits for your leave");
    case "running":
      return t("running");
    case "done":
      return t("done");
    case "failed":
      return t("failed");
    case "refused":
      return t("refused");
  }
}

/** One call of a tool, where the answer made it; unfolds to what was sent and what came back. */
export function ToolCard({ message, step }: { message: Message; step: ToolStep }) {
  const { threadKey } = useChatContext();
  const [open, setOpen] = useState(false);
  const over = message.status !== "streaming";
  // A call that nobody decided ends with its answer.
  const status = over && (step.status === "waiting" || step.status === "running") ? "refused" : step.status;
  const Icon = ICONS[status];
  const answer = status === "done" || status === "failed" ? resultInShort(step.result) : "";
  return (
    <div className="tool" data-status={status} role="group" aria-label={t("Call of {name}", { name: step.name })}>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <ChevronRight size={15} className="tool-arrow" aria-hidden />
          <Icon size={15} className="tool-icon" aria-hidden />
          <span className="tool-name">{step.name}</span>
          <code>{inShort(step.arguments)}</code>
          {answer !== "" && (
            <>
              <span aria-hidden>→</span>
              <code className="tool-result">{answer}</code>
            </>
          )}
          <span className="tool-status" role="status">
            {over && status !== step.status ? t("not run") : inWords(status)}
          </span>
        </summary>
        <dl>
          <dt>{t("Arguments")}</dt>
          <dd>
            <pre>{open ? indented(step.arguments) : step.arguments}</pre>
          </dd>
          {step.result !== "" && (
            <>
              <dt>{t("Result")}</dt>
              <dd>
                <pre>{step.result}</pre>
              </dd>
            </>
          )}
        </dl>
      </details>
      {status === "waiting" && (
        <div className="tool-leave">
          <span>{t("May this be run?")}</span>
          <button
            type="button"
            className="button button-small button-primary"
            onClick={() => void decide(threadKey, message, step.id, true)}
          >
            {t("Allow")}
          </button>
          <button
            type="button"
            className="button button-small"
            onClick={() => void decide(threadKey, message, step.id, false)}
          >
            {t("Refuse")}
          </button>
        </div>
      )}
    </div>
  );
}
