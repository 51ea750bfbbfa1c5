/** The list of conversations: fetched in pages, searched by the server, changed on the spot. */

import { create } from "zustand";

import {
  type ConversationChange,
  changeConversation,
  deleteConversation,
  listConversations,
} from "../../api/conversations";
import type { Conversation } from "../../api/types";
import { showToast } from "../../ui/toast";
import { joinPages } from "./list";

const PAGE = 30;
const LARGEST_PAGE = 100;
const UNDO_MS = 6_000;

interface List {
  items: Conversation[];
  hasMore: boolean;
  query: string;
  status: "loading" | "ready" | "failed";
  /** When the list was last fetched; what counts as today hangs on it. */
  loadedAt: Date;
}

export const useConversations = create<List>(() => ({
  items: [],
  hasMore: false,
  query: "",
  status: "loading",
  loadedAt: new Date(),
}));

/** Deletions that can still be undone. */
const leaving = new Map<string, { timer: ReturnType<typeof setTimeout>; item: Conversation }>();

let latest: AbortController | null = null;

/** Fetch the list again, as far down as it is shown now. */
export async function refresh(): Promise<void> {
  latest?.abort();
  const controller = new AbortController();
  latest = controller;
  const { query, items } = useConversations.getState();
  const limit = Math.min(Math.max(items.length, PAGE), LARGEST_PAGE);
  try {
    const page = await listConversations({ query, limit, signal: controller.signal });
    if (controller.signal.aborted) return;
    useConversations.setState((state) => ({
      ...joinPages(state, page),
      status: "ready",
      loadedAt: new Date(),
    }));
  } catch {
    if (controller.signal.aborted) return;
    useConversations.setState((state) => ({
      status: state.status === "ready" ? "ready" : "failed",
    }));
  }
}

export async function loadMore(): Promise<void> {
  const { items, hasMore, query } = useConversations.getState();
  const last = items.at(-1);
  if (!hasMore || last === undefined) return;
  try {
    const page = await listConversations({ query, before: last.id, limit: PAGE });
    if (useConversations.getState().query !== query) return;
    useConversations.setState((state) => {
      const known = new Set(state.items.map(({ id }) => id));
      const fresh = page.data.filter(({ id }) => !known.has(id) && !leaving.has(id));
      // A page that adds nothing would be asked for over and over.
      return { items: [...state.items, ...fresh], hasMore: page.has_more && fresh.length > 0 };
    });
  } catch {
    // The next scroll asks again; a server that is down is shown elsewhere.
  }
}

export function search(query: string): void {
  useConversations.setState({ query, items: [], hasMore: false, status: "loading" });
  void refresh();
}

/** Show a change at once, and take it back should the server refuse it. */
export async function change(id: string, wanted: ConversationChange): Promise<void> {
  const before = useConversations.getState().items.find((item) => item.id === id);
  replace(id, wanted);
  try {
    replace(id, await changeConversation(id, wanted));
  } catch (error) {
    if (before) replace(id, before);
    showToast({ tone: "error", text: error instanceof Error ? error.message : String(error) });
  }
}

/** Take it off the list now; delete it for good when the time to undo has passed. */
export function remove(id: string, { onGone }: { onGone: () => void }): void {
  const item = useConversations.getState().items.find((candidate) => candidate.id === id);
  if (item === undefined || leaving.has(id)) return;
  useConversations.setState(({ items }) => ({ items: items.filter((other) => other.id !== id) }));
  const timer = setTimeout(() => void removeForGood(id, onGone), UNDO_MS);
  leaving.set(id, { timer, item });
  const title = item.title?.trim() || "Conversation";
  showToast({
    tone: "plain",
    text: `Deleted “${title}”.`,
    action: { label: "Undo", run: () => restore(id) },
  });
}

export function restore(id: string): void {
  const entry = leaving.get(id);
  if (entry === undefined) return;
  clearTimeout(entry.timer);
  leaving.delete(id);
  useConversations.setState(({ items }) => ({
    items: [...items, entry.item].toSorted((a, b) => b.updated_at - a.updated_at),
  }));
}

/** The page is closing: what was deleted a moment ago must not come back. */
export function settleDeletions(): void {
  for (const [id, { timer }] of leaving) {
    clearTimeout(timer);
    leaving.delete(id);
    void deleteConversation(id, { keepalive: true }).catch(() => undefined);
  }
}

async function removeForGood(id: string, onGone: () => void): Promise<void> {
  try {
    await deleteConversation(id);
    leaving.delete(id);
    onGone();
  } catch (error) {
    restore(id);
    showToast({ tone: "error", text: error instanceof Error ? error.message : String(error) });
  }
}

export function isLeaving(id: string): boolean {
  return leaving.has(id);
}

function replace(id: string, fields: Partial<Conversation>): void {
  useConversations.setState(({ items }) => ({
    items: items.map((item) => (item.id === id ? { ...item, ...fields } : item)),
  }));
}
