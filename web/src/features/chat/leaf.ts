import { useChat } from "./store";
import { storedHead } from "./thread";

/** The last stored message of a conversation that is on the screen; null where none of it is. A
 * search may show another branch than the one the server keeps as last shown. */
export function leafOnScreen(conversationId: string): string | null {
  const { threads, activeKey } = useChat.getState();
  const thread = threads[activeKey];
  return thread?.conversationId === conversationId ? storedHead(thread) : null;
}
