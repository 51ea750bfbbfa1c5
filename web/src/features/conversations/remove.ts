import { showToast } from "../../ui/toast";
import { cancelDeletion, scheduleDeletion } from "./deletion";
import { drop, find, put } from "./store";

/** Take a conversation off the list and offer to bring it back. */
export function remove(id: string): void {
  const conversation = find(id);
  if (conversation === undefined) return;
  drop(id);
  scheduleDeletion(id, (error) => {
    put(conversation);
    showToast({ tone: "error", text: error instanceof Error ? error.message : String(error) });
  });
  showToast({
    tone: "plain",
    text: `Deleted “${conversation.title?.trim() || "New chat"}”.`,
    action: {
      label: "Undo",
      run: () => {
        if (cancelDeletion(id)) put(conversation);
      },
    },
  });
}
