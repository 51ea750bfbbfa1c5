/** The address bar: `/` is a new chat, `/app/c/<id>` a stored one. */

import { useSyncExternalStore } from "react";

const CONVERSATION = /^\/app\/c\/([A-Za-z0-9_-]+)\/?$/;

export function conversationIn(path: string): string | null {
  return CONVERSATION.exec(path)?.[1] ?? null;
}

export function pathOf(conversationId: string | null): string {
  return conversationId === null ? "/" : `/app/c/${conversationId}`;
}

const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    removeEventListener("popstate", listener);
  };
}

export function useRoute(): string | null {
  return useSyncExternalStore(subscribe, () => conversationIn(location.pathname));
}

/** `replace` when the page is the same and only its name changed. */
export function go(conversationId: string | null, { replace = false } = {}): void {
  const path = pathOf(conversationId);
  if (path === location.pathname) return;
  if (replace) history.replaceState(null, "", path);
  else history.pushState(null, "", path);
  for (const listener of listeners) listener();
}
