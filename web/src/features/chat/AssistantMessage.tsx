import { ActionBarPrimitive, MessagePrimitive } from "@assistant-ui/react";
import { ChartNoAxesColumn, RefreshCw } from "lucide-react";
import { Suspense, lazy, useState } from "react";

import { CopyButton } from "../../ui/CopyButton";
import { t } from "../../ui/i18n";
import { AnswerBody } from "./AnswerBody";
import { Branches } from "./Branches";
import { Comparison } from "./Comparison";
import { useChatContext } from "./context";
import { MessageEnding } from "./MessageEnding";
import { Markdown } from "./markdown/Markdown";
import { RatingBar, type RatingView } from "./rating/RatingBar";
import { UsageLine } from "./UsageLine";
import { useMessage } from "./useMessage";

const RatingPanels = lazy(() => import("./rating/RatingPanels"));

export function AssistantMessage() {
  const message = useMessage();
  const { pair, settings } = useChatContext();
  const [formatted, setFormatted] = useState(false);
  const [view, setView] = useState<RatingView>(null);
  if (message === undefined) return null;
  if (pair?.includes(message.id)) {
    return (
      <MessagePrimitive.Root className="message">
        <Comparison pair={pair} />
      </MessagePrimitive.Root>
    );
  }
  const running = message.status === "streaming";
  const canWeigh = !running && message.tokens.length > 0 && settings.logprobs !== undefined;
  const correction = message.rating?.correction ?? null;
  return (
    <MessagePrimitive.Root
      className="message message-assistant"
      role="article"
      aria-label={t("Answer")}
      aria-busy={running}
      data-id={message.id}
      data-status={message.status}
    >
      <AnswerBody message={message} weighed={canWeigh && !formatted} />
      <MessageEnding message={message} />
      {!running && (
        <div className="message-bar">
          <Branches />
          <ActionBarPrimitive.Root hideWhenRunning className="message-actions">
            <CopyButton text={message.content} label={t("Copy answer")} />
            <ActionBarPrimitive.Reload className="icon-button" aria-label={t("Answer again")}>
              <RefreshCw size={15} aria-hidden />
            </ActionBarPrimitive.Reload>
            {canWeigh && (
              <button
                type="button"
                className="icon-button"
                aria-label={t("Show how sure the model was")}
                aria-pressed={!formatted}
                data-marked={!formatted}
                onClick={() => setFormatted(!formatted)}
              >
                <ChartNoAxesColumn size={15} aria-hidden />
              </button>
            )}
            <RatingBar message={message} onShow={setView} />
          </ActionBarPrimitive.Root>
          <UsageLine message={message} />
        </div>
      )}
      {correction !== null && view !== "correction" && (
        <details className="correction" open>
          <summary>{t("Your better answer")}</summary>
          <Markdown text={correction} running={false} />
        </details>
      )}
      {view !== null && !running && (
        <Suspense fallback={null}>
          <RatingPanels message={message} view={view} onClose={() => setView(null)} />
        </Suspense>
      )}
    </MessagePrimitive.Root>
  );
}
