import { useEffect, useState } from "react";

import { listConversations } from "../../api/conversations";
import type { Conversation } from "../../api/types";
import { useConversations } from "../../features/conversations/store";

const PAUSE_MS = 120;
const MOST = 8;

/** Conversations for the words typed: the newest without any, else what the server finds. */
export function useFound(typed: string): Conversation[] {
  const newest = useConversations(({ items }) => items);
  const [found, setFound] = useState<{ query: string; items: Conversation[] } | null>(null);
  const query = typed.trim();
  useEffect(() => {
    if (query === "") return undefined;
    const controller = new AbortController();
    const { signal } = controller;
    const timer = setTimeout(() => {
      listConversations({ query, limit: MOST, signal }).then(
        ({ data }) => setFound({ query, items: data }),
        () => undefined, // a server that is away is shown elsewhere
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [query]);
  if (query === "") return newest.slice(0, MOST);
  // Until the answer is there, the last one is better than an empty list that jumps.
  return found?.items ?? [];
}
