import { ActionBarPrimitive, ComposerPrimitive, MessagePrimitive } from "@assistant-ui/react";
import { Pencil } from "lucide-react";
import { useMemo } from "react";

import { CopyButton } from "../../ui/CopyButton";
import { t } from "../../ui/i18n";
import { Attached } from "./attachments/Attached";
import { split } from "./attachments/blocks";
import { EditedPictures } from "./attachments/EditedPictures";
import { useKept } from "./attachments/leftOut";
import { blindText } from "./attachments/pictures";
import { SentPictures } from "./attachments/SentPictures";
import { Branches } from "./Branches";
import { useChatContext } from "./context";
import { useMessage } from "./useMessage";

export function UserMessage() {
  const message = useMessage();
  const content = message?.content ?? "";
  const { question, blocks } = useMemo(() => split(content), [content]);
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
  const message = useMessage();
  const { model, seeing } = useChatContext();
  const pictured = useKept(message).length > 0;
  const blind = pictured && model !== null && !seeing.includes(model) ? model : null;
  return (
    <ComposerPrimitive.Root
      className="editor"
      // The Enter key sends past a button that is out of use.
      onSubmit={(event) => blind !== null && event.preventDefault()}
    >
      {message && <EditedPictures question={message} />}
      <ComposerPrimitive.Input
        className="editor-input"
        aria-label={t("Edit your message")}
        autoFocus
        minRows={1}
        maxRows={12}
      />
      {blind !== null && (
        <p className="attached-note" role="status">
          {blindText(blind, seeing)}
        </p>
      )}
      <div className="editor-bar">
        <span className="hint">{t("The first version stays; switch with the arrows.")}</span>
        <ComposerPrimitive.Cancel className="button">{t("Cancel")}</ComposerPrimitive.Cancel>
        <ComposerPrimitive.Send className="button button-primary" disabled={blind !== null}>
          {t("Send")}
        </ComposerPrimitive.Send>
      </div>
    </ComposerPrimitive.Root>
  );
}
