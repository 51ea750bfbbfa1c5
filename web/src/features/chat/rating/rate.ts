/** Say what one thinks of an answer: shown at once, taken back should the server refuse it. */

import { rate as send, unrate } from "../../../api/feedback";
import { InTurn } from "../../../api/inTurn";
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

const changes = new InTurn<Rating | null>();

/** False when it could not be stored. key: the chat; without it, the one on the screen. */
export async function rate(
  messageId: string,
  change: Partial<Rating>,
  key = useChat.getState().activeKey,
): Promise<boolean> {
  const thread = useChat.getState().threads[key];
  const { conversationId } = thread ?? {};
  const message = thread && find(thread, messageId);
  if (!message?.serverId || !conversationId) return false;
  const { serverId } = message;
  const before = message.rating;
  const wanted = { ...ratingOf(before), ...change };
  const show = (rating: Rating | null) =>
    changeThread(key, (now) => rated(now, messageId, rating));
  show(says(wanted) ? wanted : null);
  const store = () =>
    says(wanted)
      ? send(conversationId, serverId, wanted)
      : unrate(conversationId, serverId).then(() => null);
  try {
    await changes.change(messageId, before, store, show);
    return true;
  } catch (error) {
    showError(error);
    return false;
  }
}
