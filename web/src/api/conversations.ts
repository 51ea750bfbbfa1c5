import { sendJson } from "./http";
import type { Conversation, ConversationWithMessages, Page, TurnSettings } from "./types";

export type ConversationChange = Partial<
  Pick<Conversation, "title" | "pinned" | "archived" | "head_id"> & { settings: TurnSettings }
>;

const path = (id: string) => `/conversations/${encodeURIComponent(id)}`;

export function createConversation(): Promise<Conversation> {
  return sendJson("POST", "/conversations", { body: {} });
}

/** Pinned first, then newest. `before` is the `next_before` of the page before. */
export function listConversations(options: {
  query?: string;
  before?: string;
  limit?: number;
  archived?: boolean;
  signal?: AbortSignal;
}): Promise<Page<Conversation>> {
  const search = new URLSearchParams({ limit: String(options.limit ?? 30) });
  if (options.archived) search.set("archived", "true");
  if (options.query) search.set("q", options.query);
  if (options.before) search.set("before", options.before);
  return sendJson(
    "GET",
    `/conversations?${search}`,
    options.signal ? { signal: options.signal } : {},
  );
}

export function getConversation(id: string): Promise<ConversationWithMessages> {
  return sendJson("GET", path(id));
}

/** `keepalive` lets the request outlive the page that sent it. */
export function changeConversation(
  id: string,
  change: ConversationChange,
  { keepalive = false } = {},
): Promise<Conversation> {
  return sendJson("PATCH", path(id), { body: change, keepalive });
}

export function deleteConversation(id: string, { keepalive = false } = {}): Promise<void> {
  return sendJson("DELETE", path(id), { keepalive });
}
