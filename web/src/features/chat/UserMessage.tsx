import { ActionBarPrimitive, ComposerPrimitive, MessagePrimitive } from "@assistant-ui/react";
import { Pencil } from "lucide-react";

import { CopyButton } from "../../ui/CopyButton";
import { t } from "../../ui/i18n";
import { Attached } from "./attachments/Attached";
import { split } from "./attachments/blocks";
import { SentPictures } from "./attachments/SentPictures";
import { Branches } from "./Branches";
import { useMessage } from "./useMessage";

export function UserMessage() {
  const message = useMessage();
  const { question, blocks } = split(message?.content ?? "");
  return (
    <MessagePrimitive.Root
      className="message message-user"
      role="article"
      aria-label={t("You said")}
      data-id={message?.id}
    >
      {message && <SentPictures message={message} />}
      <div className="user-row">
        <div className="bubble">{question}</div>
        <ActionBarPrimitive.Root hideWhenRunning className="message-actions">
          <CopyButton text={question} label={t("Copy your message")} />
          <ActionBarPrimitive.Edit className="icon-button" aria-label={t("Edit your message")}>
            <Pencil size={15} aria-hidden />
          </ActionBarPrimitive.Edit>
        </ActionBarPrimitive.Root>
      </div>
      <Attached blocks={blocks} />
      <Branches />
    </MessagePrimitive.Root>
  );
}

/** Takes the message's place while it is being edited; sending makes a new branch. */
export function UserMessageEditor() {
  return (
    <ComposerPrimitive.Root className="editor">
      <ComposerPrimitive.Input
        className="editor-input"
        aria-label={t("Edit your message")}
        autoFocus
        minRows={1}
        maxRows={12}
      />
      <div className="editor-bar">
        <span className="hint">{t("The first version stays; switch with the arrows.")}</span>
        <ComposerPrimitive.Cancel className="button">{t("Cancel")}</ComposerPrimitive.Cancel>
        <ComposerPrimitive.Send className="button button-primary">
          {t("Send")}
        </ComposerPrimitive.Send>
      </div>
    </ComposerPrimitive.Root>
  );
}
