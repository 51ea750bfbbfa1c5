import { ActionBarPrimitive, MessagePrimitive } from "@assistant-ui/react";
import { RefreshCw } from "lucide-react";
import { Suspense, lazy, useState } from "react";

import { CopyButton } from "../../ui/CopyButton";
import { t } from "../../ui/i18n";
import { Branches } from "./Branches";
import { MessageEnding } from "./MessageEnding";
import { Markdown } from "./markdown/Markdown";
import { RatingBar, type RatingView } from "./rating/RatingBar";
import { UsageLine } from "./UsageLine";
import { useMessage } from "./useMessage";

const RatingPanels = lazy(() => import("./rating/RatingPanels"));

export function AssistantMessage() {
  const message = useMessage();
  const [view, setView] = useState<RatingView>(null);
  if (message === undefined) return null;
  const running = message.status === "streaming";
  const correction = message.rating?.correction ?? null;
  return (
    <MessagePrimitive.Root
      className="message message-assistant"
      role="article"
      aria-label="Answer"
      aria-busy={running}
      data-id={message.id}
      data-status={message.status}
    >
      {message.content !== "" && <Markdown text={message.content} running={running} />}
      {running && message.content === "" && (
        <div className="thinking" role="status" aria-label="Waiting for the first word">
          <span />
          <span />
          <span />
        </div>
      )}
      <MessageEnding message={message} />
      {!running && (
        <div className="message-bar">
          <Branches />
          <ActionBarPrimitive.Root hideWhenRunning className="message-actions">
            <CopyButton text={message.content} label="Copy answer" />
            <ActionBarPrimitive.Reload className="icon-button" aria-label="Answer again">
              <RefreshCw size={15} aria-hidden />
            </ActionBarPrimitive.Reload>
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
