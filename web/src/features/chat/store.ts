/** Every chat this tab has open, and what a person can do in one. */

import { create } from "zustand";

import {
  changeConversation,
  createConversation,
  getConversation,
} from "../../api/conversations";
import { ApiError } from "../../api/http";
import { type NewTurn, cancelTurn, startTurn } from "../../api/turns";
import type { TurnSettings } from "../../api/types";
import { errorText } from "../../ui/errorText";
import { t } from "../../ui/i18n";
import { showError, showToast } from "../../ui/toast";
import { type Extra, NOTHING } from "./attachments/pictures";
import { type Message, localId } from "./message";
import * as Thread from "./thread";
import { adoptTurnSettings, settingsLoaded, settingsSerial } from "./turnSettings";
import { conversationMade } from "./unsent";
import { Watchers } from "./watchers";

export interface TurnOptions {
  model: string | null;
  settings: TurnSettings;
}

interface ChatState {
  threads: Record<string, Thread.Thread>;
  activeKey: string;
  /** A conversation got its id, a new message or a new title: whoever lists them should look. */
  changed: { conversationId: string; key: string; serial: number } | null;
}

const first = Thread.emptyThread(localId());

export const useChat = create<ChatState>(() => ({
  threads: { [first.key]: first },
  activeKey: first.key,
  changed: null,
}));

export const get = (key: string): Thread.Thread => {
  const thread = useChat.getState().threads[key];
  if (thread === undefined) throw new Error(`no such chat on this page: ${key}`);
  return thread;
};

export const update = (key: string, change: (thread: Thread.Thread) => Thread.Thread): void =>
  useChat.setState(({ threads }) => {
    const thread = threads[key];
    return thread ? { threads: { ...threads, [key]: change(thread) } } : {};
  });

/** For what is no turn: a rating, a place to look at. */
export const changeThread = update;

const announce = (key: string): void => {
  const { conversationId } = get(key);
  if (conversationId === null) return;
  useChat.setState(({ changed }) => ({
    changed: { conversationId, key, serial: (changed?.serial ?? 0) + 1 },
  }));
};

export const watchers = new Watchers(get, update, {
  onEnd: (key) => {
    announce(key);
    catchUp(key);
  },
  onLost: (key) => reload(key),
});

/** Chats whose question is on its way: what the server lists meanwhile has no names for it yet. */
const asking = new Set<string>();

/** Chats that another tab has changed while this one was busy. */
const missed = new Set<string>();

function catchUp(key: string): void {
  if (missed.delete(key) && useChat.getState().threads[key]) void reload(key);
}

/** Answers whose turn a person stopped before the server had named it. */
const stopRequested = new Set<string>();

/** Start on an empty page. A chat nobody wrote in is used again, with the files that wait in it. */
export function openNew(): void {
  const { threads, activeKey } = useChat.getState();
  const known = [threads[activeKey], ...Object.values(threads)];
  const unused = known.find((one) => one?.conversationId === null && one.messages.length === 0);
  const thread = unused ?? Thread.emptyThread(localId());
  useChat.setState({ threads: { ...threads, [thread.key]: thread }, activeKey: thread.key });
}

/** Show a stored conversation, from memory where this tab has it. */
export function open(conversationId: string): void {
  const { threads } = useChat.getState();
  const held = Object.values(threads).find((thread) => thread.conversationId === conversationId);
  if (held) {
    useChat.setState({ activeKey: held.key });
    if (!Thread.streaming(held)) void reload(held.key);
    return;
  }
  const thread = Thread.emptyThread(conversationId, conversationId);
  useChat.setState({ threads: { ...threads, [thread.key]: thread }, activeKey: thread.key });
  void reload(thread.key);
}

/** Fetch the stored conversation and pick up an answer that is still being written. */
export async function reload(key: string): Promise<void> {
  const { conversationId } = get(key);
  if (conversationId === null) return;
  const serial = settingsSerial(conversationId);
  try {
    const conversation = await getConversation(conversationId);
    if (watchers.busy(key) || asking.has(key)) {
      missed.add(key); // what we are being told live is newer
      return;
    }
    settingsLoaded(conversationId, conversation.settings, serial);
    update(key, (thread) => Thread.loaded(thread, conversation));
    for (const message of get(key).messages) {
      if (message.status === "streaming" && message.turnId) {
        watchers.watch(key, conversationId, message.id, message.turnId);
      }
    }
  } catch (error) {
    const missing = error instanceof ApiError && error.status === 404;
    update(key, (thread) => ({
      ...thread,
      load: missing ? "missing" : thread.load === "ready" ? "ready" : "failed",
    }));
  }
}

/** Drop a chat whose conversation was deleted. */
export function forget(conversationId: string): void {
  useChat.setState(({ threads }) => ({
    threads: Object.fromEntries(
      Object.entries(threads).filter(([key, thread]) => {
        const gone = thread.conversationId === conversationId;
        if (gone) watchers.stop(key);
        return !gone;
      }),
    ),
  }));
}

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
    update(key, (thread) => Thread.started(thread, answerId, turn));
    announce(key);
    watchers.watch(key, conversationId, answerId, turn.turn_id);
    if (stopRequested.delete(answerId)) void stop(key);
    return true;
  } catch (error) {
    stopRequested.delete(answerId);
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

/** Show another branch, and remember it as where this conversation is. */
export function showBranch(key: string, headId: string | null): void {
  update(key, (thread) => Thread.headMoved(thread, headId));
  const thread = get(key);
  const serverId = Thread.find(thread, headId)?.serverId;
  if (thread.conversationId && serverId) {
    // Where a person left off is a courtesy; failing to note it is no reason to disturb them.
    changeConversation(thread.conversationId, { head_id: serverId }, { keepalive: true }).catch(() => undefined);
  }
}
