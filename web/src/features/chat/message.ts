import type {
  MessageStatus,
  Rating,
  Role,
  TokenChoice,
  ToolStep,
  Usage,
  WireError,
  WireMessage,
} from "../../api/types";

/** A picture that went with a question. `place`: among its pictures, the first being 0; `file`: its
 * bytes, where this page sent it. */
export interface MessagePicture {
  place: number;
  name: string;
  file: Blob | null;
}

/**
 * A message as the page holds it. `id` and `parentId` belong to the page and never change, so a
 * message keeps its place on the screen while the server gives it `serverId`.
 */
export interface Message {
  id: string;
  serverId: string | null;
  parentId: string | null;
  role: Role;
  content: string;
  status: MessageStatus;
  model: string | null;
  createdAt: number;
  usage: Usage | null;
  finishReason: string | null;
  error: WireError | string | null;
  turnId: string | null;
  rating: Rating | null;
  /** Tokens a second, for answers this page watched from the first word to the last. */
  speed: number | null;
  /** Seconds from the question to the first word, for answers that this page asked for. */
  firstWord: number | null;
  /** Calls of tools, in order. */
  steps: readonly ToolStep[];
  /** Of a question, in order. */
  pictures: readonly MessagePicture[];
  /** What the model weighed, where this page watched and it was asked for; nothing stores it. */
  tokens: readonly TokenChoice[];
}

let counter = 0;

/** An id of the page's own; the server's ids never contain a colon. */
export function localId(): string {
  counter += 1;
  return `local:${counter}`;
}

export function isLocalId(id: string): boolean {
  return id.startsWith("local:");
}

export function newMessage(
  role: "user" | "assistant",
  parentId: string | null,
  fields: Partial<Message> = {},
): Message {
  return {
    id: localId(),
    serverId: null,
    parentId,
    role,
    content: "",
    status: role === "assistant" ? "streaming" : "complete",
    model: null,
    createdAt: Date.now() / 1000,
    usage: null,
    finishReason: null,
    error: null,
    turnId: null,
    rating: null,
    speed: null,
    firstWord: null,
    steps: [],
    pictures: [],
    tokens: [],
    ...fields,
  };
}

/** What the server stores, under the page's ids where it already knows the message. */
export function fromWire(wire: readonly WireMessage[], known: readonly Message[]): Message[] {
  const mine = new Map<string, Message>();
  for (const message of known) if (message.serverId) mine.set(message.serverId, message);
  const local = (serverId: string) => mine.get(serverId)?.id ?? serverId;
  return wire.map((message) => ({
    id: local(message.id),
    serverId: message.id,
    parentId: message.parent_id === null ? null : local(message.parent_id),
    role: message.role,
    content: fuller(mine.get(message.id)?.content ?? "", message),
    status: message.status,
    model: message.model,
    createdAt: message.created_at,
    usage: message.usage,
    finishReason: message.finish_reason,
    error: message.error,
    turnId: message.turn_id ?? null,
    rating: message.rating ?? null,
    speed: mine.get(message.id)?.speed ?? null,
    firstWord: mine.get(message.id)?.firstWord ?? null,
    steps: message.steps,
    pictures: message.pictures.map(({ name }, place) => ({
      place,
      name,
      file: mine.get(message.id)?.pictures[place]?.file ?? null,
    })),
    tokens: mine.get(message.id)?.tokens ?? [],
  }));
}

/**
 * A server that died had up to a second of an answer still to store. What a person has seen of an
 * unfinished answer stays on the screen.
 */
function fuller(seen: string, stored: WireMessage): string {
  const cut = stored.status !== "complete" && seen.startsWith(stored.content);
  return cut && seen.length > stored.content.length ? seen : stored.content;
}
