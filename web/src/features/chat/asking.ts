/** Questions and answers that are asked for, and stopped. */

import { createConversation } from "../../api/conversations";
import { ApiError } from "../../api/http";
import { type NewTurn, cancelTurn, startTurn } from "../../api/turns";
import type { TurnSettings } from "../../api/types";
import { errorText } from "../../ui/errorText";
import { t } from "../../ui/i18n";
import { showError, showToast } from "../../ui/toast";
import { type Extra, NOTHING } from "./attachments/pictures";
import type { Message } from "./message";
import { announce, asking, catchUp, get, isOpen, update, watchers } from "./store";
import * as Thread from "./thread";
import { adoptTurnSettings } from "./turnSettings";
import { conversationMade } from "./unsent";

export interface TurnOptions {
  model: string | null;
  settings: TurnSettings;
}

/** Answers whose turn a person stopped before the server had named it. */
const stopRequested = new Set<string>();

/** Ask something. Resolves to false when the server would not take it: give the text back. */
export async function ask(
  key: string,
  parentId: string | null,
  content: string,
  options: TurnOptions,
  { shown, body }: Extra = NOTHING,
): Promise<boolean> {
  const { headId } = get(key);
  const now = Thread.asked(get(key), parentId, content, options.model, shown);
  update(key, () => now.thread);
  const added = [now.questionId, now.answerId];
  return begin(key, now.answerId, added, headId, { content, ...body }, options);
}

/** Another answer to the same question. */
export async function askAgain(
  key: string,
  questionId: string,
  options: TurnOptions,
): Promise<boolean> {
  const before = get(key).headId;
  const { thread, answerId } = Thread.askedAgain(get(key), questionId, options.model);
  update(key, () => thread);
  return begin(key, answerId, [answerId], before, {}, options);
}

/** Have the server begin a turn whose messages are on the page already. */
export async function begin(
  key: string,
  answerId: string,
  added: string[],
  headBefore: string | null,
  question: Pick<NewTurn, "content" | "pictures" | "pictures_of">,
  { model, settings }: TurnOptions,
): Promise<boolean> {
  asking.add(key);
  try {
    let { conversationId } = get(key);
    if (conversationId === null) {
      conversationId = (await createConversation()).id;
      const id = conversationId;
      adoptTurnSettings(key, id);
      conversationMade(key, id);
      update(key, (thread) => ({ ...thread, conversationId: id }));
      announce(key);
    }
    const [topId] = added;
    const parent = Thread.find(get(key), Thread.find(get(key), topId ?? null)?.parentId ?? null);
    const body: NewTurn = { ...question, parent_id: parent?.serverId ?? null };
    if (model) body.model = model;
    if (Object.keys(settings).length > 0) body.settings = settings;
    const turn = await startTurn(conversationId, body);
    if (!isOpen(key)) return true;
    update(key, (thread) => Thread.started(thread, answerId, turn));
    announce(key);
    watchers.watch(key, conversationId, answerId, turn.turn_id);
    if (stopRequested.delete(answerId)) void stop(key);
    return true;
  } catch (error) {
    stopRequested.delete(answerId);
    if (!isOpen(key)) return true; // nowhere to give the text back, and nobody waits for it
    update(key, (thread) => Thread.withdrawn(thread, added, headBefore));
    showError(error);
    return false;
  } finally {
    asking.delete(key);
    if (!watchers.busy(key)) catchUp(key);
  }
}

/** Stop what is being written; what there is of it stays. */
export async function stop(key: string): Promise<void> {
  const writing = get(key).messages.filter(({ status }) => status === "streaming");
  await Promise.all(writing.map((answer) => stopOne(key, answer)));
}

export async function stopOne(key: string, answer: Message): Promise<void> {
  const { conversationId } = get(key);
  if (conversationId === null || answer.turnId === null) {
    stopRequested.add(answer.id);
    return;
  }
  try {
    await cancelTurn(conversationId, answer.turnId);
  } catch (error) {
    // 404 and 409 mean that the turn ended by itself a moment ago.
    if (error instanceof ApiError && (error.status === 404 || error.status === 409)) return;
    showToast({ tone: "error", text: t("The answer could not be stopped. {why}", { why: errorText(error) }) });
  }
}
