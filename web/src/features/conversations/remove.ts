import { t } from "../../ui/i18n";
import { showError, showToast } from "../../ui/toast";
import { beginDeletion, cancelDeletion, settleDeletion } from "./deletion";
import { drop, find, put } from "./store";

/** Take a conversation off the list and offer to bring it back. */
export function remove(id: string): void {
  const conversation = find(id);
  if (conversation === undefined) return;
  drop(id);
  beginDeletion(id, (error) => {
    put(conversation);
    showError(error);
  });
  showToast({
    tone: "plain",
    text: t("Deleted “{title}”.", { title: conversation.title?.trim() || t("New chat") }),
    action: {
      label: t("Undo"),
      run: () => {
        if (cancelDeletion(id)) put(conversation);
      },
      onLapsed: () => void settleDeletion(id),
    },
  });
}
