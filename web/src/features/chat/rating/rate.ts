/** Say what one thinks of an answer: shown at once, taken back should the server refuse it. */

import { rate as send, unrate } from "../../../api/feedback";
import type { Rating } from "../../../api/types";
import { showError } from "../../../ui/toast";
import { changeThread, useChat } from "../store";
import { find, rated } from "../thread";

const NONE: Rating = { thumb: null, reason: null, note: "", correction: null };

export function ratingOf(rating: Rating | null): Rating {
  return rating ?? NONE;
}

const says = ({ thumb, note, correction }: Rating) =>
  thumb !== null || note.trim() !== "" || correction !== null;

/** False when it could not be stored. key: the chat; without it, the one on the screen. */
export async function rate(
  messageId: string,
  change: Partial<Rating>,
  key = useChat.getState().activeKey,
): Promise<boolean> {
  const thread = useChat.getState().threads[key];
  const message = thread && find(thread, messageId);
  if (!message?.serverId || !thread?.conversationId) return false;
  const before = message.rating;
  const wanted = { ...ratingOf(before), ...change };
  const show = (rating: Rating | null) =>
    changeThread(key, (now) => rated(now, messageId, rating));
  show(says(wanted) ? wanted : null);
  try {
    if (says(wanted)) show(await send(thread.conversationId, message.serverId, wanted));
    else await unrate(thread.conversationId, message.serverId);
    return true;
  } catch (error) {
    show(before);
    showError(error);
    return false;
  }
}
