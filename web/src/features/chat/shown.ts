/** Which part of a long conversation is drawn: the newest messages of the branch on the screen.
 * Thousands would keep a browser busy for seconds, and nobody reads them all at once. */

import type { Thread } from "./thread";
import { branchTo } from "./tree";

/** As soon as what fills the screen is there. */
export const SOON_SHOWN = 40;
export const MORE_SHOWN = 100;

export interface Shown {
  /** As the thread, without what comes before; the first message drawn is its root. */
  thread: Thread;
  /** Messages of the branch that are not drawn. */
  earlier: number;
  /** What the first message drawn follows. */
  parentId: string | null;
}

/** The last `count` messages of the branch, with all that stands beside or below them. */
export function shownPart(thread: Thread, count: number): Shown {
  const everything = { thread, earlier: 0, parentId: null };
  if (thread.messages.length <= count) return everything;
  const branch = branchTo(thread.messages, thread.headId);
  const earlier = branch.length - count;
  const first = branch[earlier];
  if (first === undefined || earlier <= 0) return everything;
  const { parentId } = first;
  const kept = new Set<string>();
  const messages = thread.messages.flatMap((message) => {
    const isTop = message.parentId === parentId;
    if (!isTop && !(message.parentId !== null && kept.has(message.parentId))) return [];
    kept.add(message.id);
    return [isTop ? topOf(message) : message];
  });
  return { thread: { ...thread, messages }, earlier, parentId };
}

/** How many messages of the branch fill a screen: short ones by their number, long ones by their
 * characters. */
const SCREEN = { messages: 16, characters: 3_000 };

export function firstShown(thread: Thread): number {
  const branch = branchTo(thread.messages, thread.headId).slice(-SCREEN.messages);
  let characters = 0;
  const last = branch.findLastIndex(({ content }) => (characters += content.length) > SCREEN.characters);
  return Math.max(branch.length - last, 2);
}

type Message = Thread["messages"][number];

/** A message object never changes, so its copy at the top is made once: what is the same object is
 * not drawn again. */
const tops = new WeakMap<Message, Message>();

function topOf(message: Message): Message {
  if (message.parentId === null) return message;
  const known = tops.get(message) ?? { ...message, parentId: null };
  tops.set(message, known);
  return known;
}

/** How many must be drawn so that a message of the branch is among them. */
export function countFor(thread: Thread, id: string): number {
  const branch = branchTo(thread.messages, thread.headId);
  const place = branch.findIndex((message) => message.id === id);
  return place < 0 ? 0 : branch.length - place + 4;
}
