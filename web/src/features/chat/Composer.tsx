import { AuiIf, ComposerPrimitive, useAui, useAuiState } from "@assistant-ui/react";
import { ArrowUp, Square } from "lucide-react";
import { useEffect, useRef } from "react";

import { t } from "../../ui/i18n";
import { AttachButton } from "./attachments/AttachButton";
import { takePasted } from "./attachments/useFiles";
import { WaitingList } from "./attachments/WaitingList";
import { saveDraft } from "./drafts";
import { beginning } from "./unsent";

/** On a touch screen the focus would push up a keyboard that nobody asked for. */
const hasKeyboard = matchMedia("(any-pointer: fine)").matches;

/** Where one types. Enter sends, Shift+Enter breaks the line; input methods are left in peace. */
export function Composer({
  conversationId,
  threadKey,
}: {
  conversationId: string | null;
  threadKey: string;
}) {
  useDraft(conversationId);
  return (
    <ComposerPrimitive.Root className="composer" onPasteCapture={takePasted(threadKey)}>
      <WaitingList threadKey={threadKey} />
      <AttachButton threadKey={threadKey} />
      <ComposerPrimitive.Input
        className="composer-input"
        aria-label={t("Message")}
        placeholder={t("Write a message")}
        autoFocus={hasKeyboard}
        minRows={1}
        maxRows={10}
        enterKeyHint="send"
        unstable_insertNewlineOnTouchEnter
      />
      <AuiIf condition={(state) => !state.thread.isRunning}>
        <ComposerPrimitive.Send className="send" aria-label={t("Send message")}>
          <ArrowUp size={19} aria-hidden />
        </ComposerPrimitive.Send>
      </AuiIf>
      <AuiIf condition={(state) => state.thread.isRunning}>
        <ComposerPrimitive.Cancel className="send send-stop" aria-label={t("Stop answering")}>
          <Square size={13} fill="currentColor" aria-hidden />
        </ComposerPrimitive.Cancel>
      </AuiIf>
    </ComposerPrimitive.Root>
  );
}

function useDraft(conversationId: string | null) {
  const aui = useAui();
  const text = useAuiState((state) => state.composer.text);
  const restored = useRef(false);
  useEffect(() => {
    if (!restored.current) {
      restored.current = true;
      const text = beginning(conversationId);
      if (text !== "") {
        aui.composer.setText(text);
        return;
      }
    }
    saveDraft(conversationId, text);
  }, [aui, conversationId, text]);
}
