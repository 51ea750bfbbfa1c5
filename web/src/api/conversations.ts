import { PATIENCE_MS, sendJson } from "./http";
import type { Conversation, ConversationWithMessages, Folder, Page, TurnSettings } from "./types";

export type ConversationChange = Partial<
  Pick<Conversation, "title" | "pinned" | "archived" | "folder" | "head_id"> & {
    settings: TurnSettings;
  }
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
  folder?: string | null;
  signal?: AbortSignal;
}): Promise<Page<Conversation>> {
  const search = new URLSearchParams({ limit: String(options.limit ?? 30) });
  if (options.archived) search.set("archived", "true");
  if (options.query) search.set("q", options.query);
  if (options.folder) search.set("folder", options.folder);
  if (options.before) search.set("before", options.before);
  return sendJson(
    "GET",
    `/conversations?${search}`,
    options.signal ? { signal: options.signal } : {},
  );
}

export async function listFolders(): Promise<Folder[]> {
  const { data } = await sendJson<{ data: Folder[] }>("GET", "/conversations/folders");
  return data;
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
  return sendJson("PATCH", path(id), {
    body: change,
    keepalive,
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
}

export function deleteConversation(id: string, { keepalive = false } = {}): Promise<void> {
  return sendJson("DELETE", path(id), { keepalive });
}
