/** The address bar. `/` is a new chat and `/app/c/<id>` a stored one; the other pages are
 * `/app/<page>` and `/app/<page>/<id>`. */

import { useSyncExternalStore } from "react";

export const PAGES = [
  "conversations",
  "data",
  "training",
  "models",
  "providers",
  "settings",
] as const;
export type PageName = (typeof PAGES)[number];

export type Route =
  | { page: "chat"; conversationId: string | null }
  | { page: PageName; id: string | null };

const CONVERSATION = /^\/app\/c\/([A-Za-z0-9_-]+)\/?$/;
const PAGE = /^\/app\/([a-z]+)(?:\/([A-Za-z0-9_.:-]+))?\/?$/;

export function routeOf(path: string): Route {
  const conversationId = CONVERSATION.exec(path)?.[1] ?? null;
  if (conversationId !== null) return { page: "chat", conversationId };
  const [, name, id = null] = PAGE.exec(path) ?? [];
  const page = PAGES.find((known) => known === name);
  return page ? { page, id } : { page: "chat", conversationId: null };
}

export function pathOf(route: Route): string {
  if (route.page === "chat") {
    return route.conversationId === null ? "/" : `/app/c/${route.conversationId}`;
  }
  return route.id === null ? `/app/${route.page}` : `/app/${route.page}/${route.id}`;
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

let known: { path: string; route: Route } | null = null;

/** The same object for the same address: React asks again and again. */
function current(): Route {
  if (known?.path !== location.pathname) {
    known = { path: location.pathname, route: routeOf(location.pathname) };
  }
  return known.route;
}

export function useRoute(): Route {
  return useSyncExternalStore(subscribe, current);
}

export const chatIsShown = (): boolean => current().page === "chat";

/** `replace` when the page is the same and only its name changed. */
export function go(route: Route, { replace = false } = {}): void {
  const path = pathOf(route);
  if (path === location.pathname) return;
  if (replace) history.replaceState(null, "", path);
  else history.pushState(null, "", path);
  for (const listener of listeners) listener();
}
