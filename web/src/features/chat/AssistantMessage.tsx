import { ActionBarPrimitive, MessagePrimitive } from "@assistant-ui/react";
import { RefreshCw } from "lucide-react";

import { CopyButton } from "../../ui/CopyButton";
import { t } from "../../ui/i18n";
import { Branches } from "./Branches";
import { MessageEnding } from "./MessageEnding";
import { Markdown } from "./markdown/Markdown";
import { UsageLine } from "./UsageLine";
import { useMessage } from "./useMessage";

export function AssistantMessage() {
  const message = useMessage();
  if (message === undefined) return null;
  const running = message.status === "streaming";
  return (
    <MessagePrimitive.Root
      className="message message-assistant"
      role="article"
      aria-label={t("Answer")}
      aria-busy={running}
      data-status={message.status}
    >
      {message.content !== "" && <Markdown text={message.content} running={running} />}
      {running && message.content === "" && (
        <div className="thinking" role="status" aria-label={t("Waiting for the first word")}>
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
            <CopyButton text={message.content} label={t("Copy answer")} />
            <ActionBarPrimitive.Reload className="icon-button" aria-label={t("Answer again")}>
              <RefreshCw size={15} aria-hidden />
            </ActionBarPrimitive.Reload>
          </ActionBarPrimitive.Root>
          <UsageLine message={message} />
        </div>
      )}
    </MessagePrimitive.Root>
  );
}
