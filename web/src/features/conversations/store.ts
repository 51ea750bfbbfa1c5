/** The list of conversations: fetched in pages, searched by the server, changed on the spot. */

import { create } from "zustand";

import {
  type ConversationChange,
  changeConversation,
  listConversations,
  listFolders,
} from "../../api/conversations";
import { ApiError } from "../../api/http";
import { InTurn } from "../../api/inTurn";
import type { Conversation, Folder } from "../../api/types";
import { showError } from "../../ui/toast";
import { isLeaving } from "./deletion";
import { inOrder } from "./list";

const PAGE = 30;
const LARGEST_PAGE = 200;

interface List {
  items: Conversation[];
  /** Where the next page begins; null at the end of the list. */
  next: string | null;
  /** Null until somebody looks into the archive. */
  archived: Conversation[] | null;
  /** As `next`, of the archive. */
  archivedNext: string | null;
  query: string;
  folders: Folder[];
  /** The one that is looked into; null for all. */
  folder: string | null;
  status: "loading" | "ready" | "failed";
  /** When the list was last fetched; what counts as today hangs on it. */
  loadedAt: Date;
}

/** Nothing is known yet. */
const EMPTY = {
  items: [],
  next: null,
  archived: null,
  archivedNext: null,
  status: "loading",
} satisfies Partial<List>;

export const useConversations = create<List>(() => ({
  ...EMPTY,
  query: "",
  folders: [],
  folder: null,
  loadedAt: new Date(),
}));

let latest: AbortController | null = null;

/** Fetch the list again, as far down as it is shown now. */
export async function refresh(): Promise<void> {
  latest?.abort();
  const { signal } = (latest = new AbortController());
  const { query, folder, items, archived } = useConversations.getState();
  try {
    const page = await listConversations({ query, folder, limit: asLongAs(items), signal });
    // With nothing else to show, the archive may be all there is.
    const withArchive = archived !== null || query !== "" || page.data.length === 0;
    const archive = withArchive
      ? await listConversations({ query, folder, limit: asLongAs(archived), archived: true, signal })
      : null;
    const folders = await listFolders();
    if (signal.aborted) return;
    useConversations.setState({
      folders,
      items: staying(page.data),
      next: page.next_before,
      archived: archive && staying(archive.data),
      archivedNext: archive?.next_before ?? null,
      status: "ready",
      loadedAt: new Date(),
    });
  } catch {
    if (signal.aborted) return;
    useConversations.setState(({ status }) => ({ status: status === "ready" ? status : "failed" }));
  }
}

/** The next page of the list, or of the archive. */
export async function loadMore(archived: boolean): Promise<void> {
  const place = archived ? "archivedNext" : "next";
  const { [place]: before, query, folder } = useConversations.getState();
  if (before === null) return;
  try {
    const page = await listConversations({ query, folder, before, limit: PAGE, archived });
    useConversations.setState((state) => {
      if (state.query !== query || state[place] !== before) return state;
      const shown = (archived ? state.archived : state.items) ?? [];
      const known = new Set(shown.map(({ id }) => id));
      const list = [...shown, ...staying(page.data).filter(({ id }) => !known.has(id))];
      return archived
        ? { archived: list, archivedNext: page.next_before }
        : { items: list, next: page.next_before };
    });
  } catch {
    // The next scroll asks again; a server that is down is shown elsewhere.
  }
}

export async function openArchive(): Promise<void> {
  if (useConversations.getState().archived !== null) return;
  useConversations.setState({ archived: [] });
  await refresh();
}

export function search(query: string): void {
  useConversations.setState({ ...EMPTY, query });
  void refresh();
}

/** Look into one folder, or at all there is. */
export function openFolder(folder: string | null): void {
  useConversations.setState({ ...EMPTY, folder });
  void refresh();
}

const changes = new InTurn<Conversation>();

/** Show a change at once, and take it back should the server refuse it. */
export async function change(id: string, wanted: ConversationChange): Promise<void> {
  const before = find(id);
  if (before === undefined) return;
  put({ ...before, ...wanted });
  const store = async () => {
    const changed = await changeConversation(id, wanted);
    return before.match ? { ...changed, match: before.match } : changed;
  };
  const show = (stored: Conversation) => {
    if (!isLeaving(id)) put(stored);
  };
  try {
    await changes.change(id, before, store, show);
    if ("archived" in wanted || "folder" in wanted) await refresh();
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) drop(id);
    showError(error);
  }
}

export function find(id: string): Conversation | undefined {
  const { items, archived } = useConversations.getState();
  return [...items, ...(archived ?? [])].find((item) => item.id === id);
}

/** Show a conversation where it belongs: in the list or in the archive. */
export function put(conversation: Conversation): void {
  drop(conversation.id);
  useConversations.setState(({ items, archived }) =>
    conversation.archived
      ? { archived: archived && inOrder([...archived, conversation]) }
      : { items: inOrder([...items, conversation]) },
  );
}

/** Show it no longer. */
export function drop(id: string): void {
  const others = (list: Conversation[]) => list.filter((item) => item.id !== id);
  useConversations.setState(({ items, archived }) => ({
    items: others(items),
    archived: archived && others(archived),
  }));
}

function asLongAs(list: readonly Conversation[] | null): number {
  return Math.min(Math.max(list?.length ?? 0, PAGE), LARGEST_PAGE);
}

function staying(items: Conversation[]): Conversation[] {
  return items.filter(({ id }) => !isLeaving(id));
}
