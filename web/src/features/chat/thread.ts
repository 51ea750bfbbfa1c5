/** What one chat on the page knows, and every way it changes. Pure functions only. */

import type {
  ConversationWithMessages,
  Rating,
  StartedTurn,
  TokenChoice,
  ToolStep,
  WireError,
} from "../../api/types";
import type { Ending } from "../../api/turns";
import { type Message, type MessagePicture, fromWire, newMessage } from "./message";
import { branchTo, newestLeaf, parentsFirst } from "./tree";

export interface Thread {
  /** The page's name for this chat; stays when a new chat gets its conversation. */
  readonly key: string;
  readonly conversationId: string | null;
  readonly load: "loading" | "ready" | "missing" | "failed";
  readonly messages: readonly Message[];
  /** The last message on the screen. */
  readonly headId: string | null;
  /** Two answers to one question that stand side by side until one is chosen. */
  readonly pair: readonly [string, string] | null;
}

export function emptyThread(key: string, conversationId: string | null = null): Thread {
  const load = conversationId === null ? "ready" : "loading";
  return { key, conversationId, load, messages: [], headId: null, pair: null };
}

export function find(thread: Thread, id: string | null): Message | undefined {
  return thread.messages.find((message) => message.id === id);
}

export function findByServerId(thread: Thread, serverId: string | null): Message | undefined {
  return thread.messages.find((message) => message.serverId === serverId && serverId !== null);
}

/** The server's name for the end of what is on the screen, as far as the server knows of it. */
export function storedHead(thread: Thread): string | null {
  const branch = branchTo(thread.messages, thread.headId);
  return branch.findLast(({ serverId }) => serverId !== null)?.serverId ?? null;
}

/** Show the branch that a message is on; the one on the screen, where it is on that. */
export function toMessage(thread: Thread, id: string): Thread {
  if (branchTo(thread.messages, thread.headId).some((message) => message.id === id)) return thread;
  return { ...thread, headId: newestLeaf(thread.messages, id) };
}

/** The answer that is being written anywhere in this chat. */
export function streaming(thread: Thread): Message | undefined {
  return thread.messages.find(({ status }) => status === "streaming");
}

/** Take what the server stores. Keeps the place on the screen where it still exists. */
export function loaded(thread: Thread, conversation: ConversationWithMessages): Thread {
  const messages = parentsFirst(fromWire(conversation.messages, thread.messages));
  const stored = messages.find(({ serverId }) => serverId === conversation.head_id)?.id ?? null;
  const wanted = stored ?? messages.at(-1)?.id ?? null;
  const headId = messages.some(({ id }) => id === thread.headId) ? thread.headId : wanted;
  return {
    ...thread,
    conversationId: conversation.id,
    load: "ready",
    messages,
    headId: newestLeaf(messages, headId),
  };
}

/** Show a question and the answer to come before the server has heard of either. */
export function asked(
  thread: Thread,
  parentId: string | null,
  content: string,
  model: string | null,
  pictures: readonly MessagePicture[] = [],
): { thread: Thread; answerId: string; questionId: string } {
  const question = newMessage("user", parentId, { content, pictures });
  const answer = newMessage("assistant", question.id, { model });
  return {
    thread: {
      ...thread,
      messages: [...thread.messages, question, answer],
      headId: answer.id,
    },
    questionId: question.id,
    answerId: answer.id,
  };
}

/** Show another answer to a question that was already asked. */
export function askedAgain(
  thread: Thread,
  questionId: string,
  model: string | null,
): { thread: Thread; answerId: string } {
  const answer = newMessage("assistant", questionId, { model });
  return {
    thread: { ...thread, messages: [...thread.messages, answer], headId: answer.id },
    answerId: answer.id,
  };
}

/** The server accepted a turn: remember its names for the two messages. */
export function started(thread: Thread, answerId: string, turn: StartedTurn): Thread {
  const questionId = find(thread, answerId)?.parentId ?? null;
  return mapMessages(thread, (message) => {
    if (message.id === answerId) {
      return { ...message, serverId: turn.assistant_message_id, turnId: turn.turn_id };
    }
    return message.id === questionId ? { ...message, serverId: turn.user_message_id } : message;
  });
}

/** The server refused a turn: as if it had never been asked. */
export function withdrawn(thread: Thread, ids: readonly string[], headId: string | null): Thread {
  const messages = thread.messages.filter(({ id }) => !ids.includes(id));
  return { ...thread, messages, headId: newestLeaf(messages, headId) };
}

export function appended(thread: Thread, id: string, text: string): Thread {
  return mapMessages(thread, (message) =>
    message.id === id ? { ...message, content: message.content + text } : message,
  );
}

/** A call of a tool came, or changed. */
export function stepped(thread: Thread, id: string, number: number, step: ToolStep): Thread {
  return mapMessages(thread, (message) =>
    message.id === id
      ? { ...message, steps: message.steps.toSpliced(number, 1, step) }
      : message,
  );
}

/** What the model weighed, from token `number` on. */
export function weighed(
  thread: Thread,
  id: string,
  number: number,
  tokens: readonly TokenChoice[],
): Thread {
  return mapMessages(thread, (message) =>
    message.id === id
      ? { ...message, tokens: [...message.tokens.slice(0, number), ...tokens] }
      : message,
  );
}

/** An answer that was cut off is being written again, after what the server has of it. */
export function resumed(thread: Thread, id: string, turn: StartedTurn): Thread {
  return mapMessages(thread, (message) =>
    message.id === id
      ? {
          ...message,
          content: Array.from(message.content).slice(0, turn.offset).join(""),
          status: "streaming",
          turnId: turn.turn_id,
          finishReason: null,
          error: null,
          speed: null,
          tokens: [],
        }
      : message,
  );
}

export interface Pace {
  speed: number | null;
  firstWord: number | null;
}

export function ended(thread: Thread, id: string, ending: Ending, pace: Pace): Thread {
  return mapMessages(thread, (message) => {
    if (message.id !== id) return message;
    if (ending.type === "error") return failedMessage(message, ending.error);
    return {
      ...message,
      status: ending.status,
      finishReason: ending.finish_reason,
      usage: ending.usage,
      turnId: null,
      ...pace,
    };
  });
}

export function failed(thread: Thread, id: string, error: WireError): Thread {
  return mapMessages(thread, (message) =>
    message.id === id ? failedMessage(message, error) : message,
  );
}

export function rated(thread: Thread, id: string, rating: Rating | null): Thread {
  return mapMessages(thread, (message) => (message.id === id ? { ...message, rating } : message));
}

export function headMoved(thread: Thread, headId: string | null): Thread {
  return { ...thread, headId };
}

function failedMessage(message: Message, error: WireError): Message {
  return { ...message, status: "error", error, turnId: null };
}

function mapMessages(thread: Thread, change: (message: Message) => Message): Thread {
  return { ...thread, messages: thread.messages.map(change) };
}
