/** What can be done with answers beside asking for one: go on, compare, decide about calls. */

import { ApiError } from "../../api/http";
import { type NewTurn, decideCall, startTurn } from "../../api/turns";
import { showError } from "../../ui/toast";
import { type TurnOptions, begin, stopOne } from "./asking";
import type { Extra } from "./attachments/pictures";
import type { Message } from "./message";
import {
  announce,
  asking,
  catchUp,
  get,
  isOpen,
  showBranch,
  update,
  useChat,
  watchers,
} from "./store";
import * as Thread from "./thread";

/** Two answers to one question, by two models, until one of them is kept. */
export async function askBoth(
  key: string,
  parentId: string | null,
  content: string,
  options: TurnOptions,
  other: string,
  { shown, body }: Extra,
): Promise<boolean> {
  const before = get(key).headId;
  const { thread, questionId, answerId } = Thread.asked(
    get(key),
    parentId,
    content,
    options.model,
    shown,
  );
  const second = Thread.askedAgain(thread, questionId, other);
  update(key, () => ({ ...second.thread, headId: answerId, pair: [answerId, second.answerId] }));
  const added = [questionId, answerId];
  if (!(await begin(key, answerId, added, before, { content, ...body }, options))) {
    update(key, (now) => Thread.withdrawn({ ...now, pair: null }, [second.answerId], before));
    return false;
  }
  const also = { ...options, model: other };
  if (!(await begin(key, second.answerId, [second.answerId], answerId, {}, also))) {
    update(key, (now) => ({ ...now, pair: null }));
  }
  return true;
}

/** Of two answers side by side, go on with this one; the other stays as a branch, as far as it has
 * come. Resolves once nothing is written any more there, where nobody sees it or could stop it. */
export async function keep(key: string, answerId: string): Promise<void> {
  const otherId = get(key).pair?.find((id) => id !== answerId) ?? null;
  update(key, (thread) => ({ ...thread, pair: null }));
  showBranch(key, answerId);
  const other = Thread.find(get(key), otherId);
  if (other?.status !== "streaming") return;
  await stopOne(key, other);
  await ended(key, other.id);
}

function ended(key: string, answerId: string): Promise<void> {
  const isOver = ({ threads }: ReturnType<typeof useChat.getState>) => {
    const thread = threads[key];
    return !thread || Thread.find(thread, answerId)?.status !== "streaming";
  };
  return new Promise((resolve) => {
    if (isOver(useChat.getState())) return resolve();
    const leave = useChat.subscribe((state) => {
      if (!isOver(state)) return;
      leave();
      resolve();
    });
  });
}

/** Let an answer that was cut off go on in its place. */
export async function goOn(key: string, answerId: string, options: TurnOptions): Promise<void> {
  const { conversationId } = get(key);
  const answer = Thread.find(get(key), answerId);
  if (conversationId === null || !answer?.serverId || asking.has(key)) return;
  const body: NewTurn = { continue_id: answer.serverId };
  const model = answer.model ?? options.model;
  if (model) body.model = model;
  if (Object.keys(options.settings).length > 0) body.settings = options.settings;
  asking.add(key);
  try {
    const turn = await startTurn(conversationId, body);
    if (!isOpen(key)) return;
    update(key, (thread) => Thread.resumed(thread, answerId, turn));
    announce(key);
    watchers.watch(key, conversationId, answerId, turn.turn_id);
  } catch (error) {
    showError(error);
  } finally {
    asking.delete(key);
    if (!watchers.busy(key)) catchUp(key);
  }
}

/** Let a call of a tool that waits for leave be run, or not. */
export async function decide(key: string, answer: Message, callId: string, allow: boolean) {
  const { conversationId } = get(key);
  if (conversationId === null || answer.turnId === null) return;
  try {
    await decideCall(conversationId, answer.turnId, callId, allow);
  } catch (error) {
    // 404: another tab has decided, or the answer has ended; its events say so.
    if (error instanceof ApiError && error.status === 404) return;
    showError(error);
  }
}
