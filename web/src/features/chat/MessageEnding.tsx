import { ActionBarPrimitive } from "@assistant-ui/react";
import { CircleAlert, CircleSlash, RotateCcw, Scissors, StepForward } from "lucide-react";

import { describeError } from "../../api/http";
import { t } from "../../ui/i18n";
import { goOn } from "./answers";
import { useChatContext } from "./context";
import type { Message } from "./message";

/** Says why an answer ended other than well, and offers another try. */
export function MessageEnding({ message }: { message: Message }) {
  const { threadKey, settings, model, continues } = useChatContext();
  const ending = describe(message);
  if (ending === null) return null;
  const { Icon, tone, text } = ending;
  const answered = message.model ?? model;
  const canGoOn =
    message.serverId !== null &&
    message.content.trim() !== "" &&
    answered !== null &&
    continues(answered);
  return (
    <div className={`ending ending-${tone}`} role={tone === "error" ? "alert" : "note"}>
      <Icon size={16} aria-hidden />
      <span className="ending-text">{text}</span>
      {canGoOn && (
        <button
          type="button"
          className="button button-small"
          onClick={() => void goOn(threadKey, message.id, { model, settings })}
        >
          <StepForward size={14} aria-hidden /> {t("Continue")}
        </button>
      )}
      {message.status !== "complete" && (
        <ActionBarPrimitive.Reload className="button button-small">
          <RotateCcw size={14} aria-hidden /> {t("Try again")}
        </ActionBarPrimitive.Reload>
      )}
    </div>
  );
}

function describe(message: Message) {
  switch (message.status) {
    case "cancelled":
      return { Icon: CircleSlash, tone: "quiet", text: t("You stopped this answer.") } as const;
    case "interrupted":
      return {
        Icon: CircleAlert,
        tone: "quiet",
        text: t(
          "The server stopped before this answer was finished. What it had written is kept.",
        ),
      } as const;
    case "error": {
      const text = message.error ? describeError(message.error) : t("This answer failed.");
      return { Icon: CircleAlert, tone: "error", text } as const;
    }
    case "complete":
      return message.finishReason === "length"
        ? ({ Icon: Scissors, tone: "quiet", text: t("Cut off at the length limit.") } as const)
        : null;
    default:
      return null;
  }
}
