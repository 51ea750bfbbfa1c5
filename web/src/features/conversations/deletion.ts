/** Conversations on their way out: hidden at once, deleted when they can no longer be brought
 * back. */

import { deleteConversation } from "../../api/conversations";

interface Leaving {
  onFailed: (error: unknown) => void;
  /** The server has been asked to. */
  sent: boolean;
}

const listeners = new Set<(id: string) => void>();
const leaving = new Map<string, Leaving>();

/** Be told of each conversation that is gone for good. Returns how to stop listening. */
export function onGone(tell: (id: string) => void): () => void {
  listeners.add(tell);
  return () => void listeners.delete(tell);
}

export function isLeaving(id: string): boolean {
  return leaving.has(id);
}

/** `settleDeletion` is to follow. `onFailed`: the server would not; it is still there. */
export function beginDeletion(id: string, onFailed: (error: unknown) => void): void {
  leaving.set(id, { onFailed, sent: false });
}

/** Changed one's mind. False when it is too late. */
export function cancelDeletion(id: string): boolean {
  return leaving.get(id)?.sent === false && leaving.delete(id);
}

export async function settleDeletion(
  id: string,
  options: { keepalive?: boolean } = {},
): Promise<void> {
  const entry = leaving.get(id);
  if (entry === undefined || entry.sent) return;
  entry.sent = true;
  try {
    await deleteConversation(id, options);
    leaving.delete(id);
    for (const tell of listeners) tell(id);
  } catch (error) {
    leaving.delete(id);
    entry.onFailed(error);
  }
}

/** The page is closing: what was deleted a moment ago must not come back. */
export function settleDeletions(): void {
  for (const id of leaving.keys()) void settleDeletion(id, { keepalive: true });
}
