/** Every chat this tab has open, and what the server stores of it. */

import { create } from "zustand";

import { changeConversation, getConversation } from "../../api/conversations";
import { ApiError } from "../../api/http";
import { hasFiles } from "./attachments/store";
import { localId } from "./message";
import * as Thread from "./thread";
import { settingsLoaded, settingsSerial } from "./turnSettings";
import { Watchers } from "./watchers";

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

/** Not any more once its conversation was deleted. */
export const isOpen = (key: string): boolean => key in useChat.getState().threads;

/** For what is no turn: a rating, a place to look at. */
export const changeThread = update;

export const announce = (key: string): void => {
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
  shown: () => useChat.getState().activeKey,
  onFree: (key) => (isOpen(key) ? reload(key) : Promise.resolve()),
  onLost: (key) => reload(key),
});

/** Chats whose question, or wish to go on, is on its way: what the server lists meanwhile has no names for it yet. */
export const asking = new Set<string>();

/** Chats that another tab has changed while this one was busy. */
const missed = new Set<string>();

export function catchUp(key: string): void {
  if (missed.delete(key) && isOpen(key)) void reload(key);
}

/** Chats that stay in this tab's memory after they were looked at. */
const MOST_KEPT = 20;

/** Put a chat on the screen, and let go of those that were last looked at long ago: each holds its
 * texts, its pictures and what the model weighed. */
function show(thread: Thread.Thread): void {
  const { threads } = useChat.getState();
  const { [thread.key]: _, ...others } = threads;
  const idle = Object.values(others).filter(isIdle);
  for (const { key } of idle.slice(0, Math.max(0, idle.length - MOST_KEPT))) {
    delete others[key];
    watchers.stop(key);
  }
  useChat.setState({ threads: { ...others, [thread.key]: thread }, activeKey: thread.key });
}

/** Whether all of a chat can be had from the server again. */
const isIdle = (thread: Thread.Thread): boolean =>
  thread.conversationId !== null &&
  thread.pair === null &&
  !Thread.streaming(thread) &&
  !asking.has(thread.key) &&
  !hasFiles(thread.key);

/** Start on an empty page. A chat nobody wrote in is used again, with the files that wait in it. */
export function openNew(): void {
  const { threads, activeKey } = useChat.getState();
  const known = [threads[activeKey], ...Object.values(threads)];
  const unused = known.find((one) => one?.conversationId === null && one.messages.length === 0);
  const thread = unused ?? Thread.emptyThread(localId());
  show(thread);
}

/** Show a stored conversation, from memory where this tab has it. */
export function open(conversationId: string): void {
  const { threads } = useChat.getState();
  const held = Object.values(threads).find((thread) => thread.conversationId === conversationId);
  if (held) {
    show(held);
    if (!watchers.busy(held.key) && !asking.has(held.key)) void reload(held.key);
    return;
  }
  const thread = Thread.emptyThread(conversationId, conversationId);
  show(thread);
  void reload(thread.key);
}

/** Fetch the stored conversation and pick up an answer that is still being written. */
export async function reload(key: string): Promise<void> {
  const { conversationId, messages } = get(key);
  if (conversationId === null) return;
  const serial = settingsSerial(conversationId);
  try {
    const conversation = await getConversation(conversationId);
    if (watchers.busy(key) || asking.has(key)) {
      missed.add(key); // what we are being told live is newer
      return;
    }
    if (get(key).messages !== messages) {
      // Something was asked, answered or rated since: what the server said before lacks it.
      await reload(key);
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
