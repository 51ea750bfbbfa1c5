/** Conversations on their way out: hidden at once, deleted when the time to undo has passed. */

import { deleteConversation } from "../../api/conversations";

const UNDO_MS = 6_000;

interface Leaving {
  timer: ReturnType<typeof setTimeout>;
  onFailed: (error: unknown) => void;
}

const leaving = new Map<string, Leaving>();

export function isLeaving(id: string): boolean {
  return leaving.has(id);
}

/** Delete `id` in a moment. `onFailed`: the server would not; it is still there. */
export function scheduleDeletion(id: string, onFailed: (error: unknown) => void): void {
  const timer = setTimeout(() => void settle(id), UNDO_MS);
  leaving.set(id, { timer, onFailed });
}

/** Changed one's mind. False when it is too late. */
export function cancelDeletion(id: string): boolean {
  const entry = leaving.get(id);
  if (entry === undefined) return false;
  clearTimeout(entry.timer);
  return leaving.delete(id);
}

/** The page is closing: what was deleted a moment ago must not come back. */
export function settleDeletions(): void {
  for (const [id, { timer }] of leaving) {
    clearTimeout(timer);
    void settle(id, { keepalive: true });
  }
}

async function settle(id: string, options: { keepalive?: boolean } = {}): Promise<void> {
  const entry = leaving.get(id);
  try {
    await deleteConversation(id, options);
    leaving.delete(id);
  } catch (error) {
    leaving.delete(id);
    entry?.onFailed(error);
  }
}
