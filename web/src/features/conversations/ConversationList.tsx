import { type RefObject, useEffect, useMemo, useRef } from "react";

import { ConversationRow } from "./ConversationRow";
import { groupByDay } from "./list";
import { SearchBox } from "./SearchBox";
import { loadMore, refresh, useConversations } from "./store";

/** Every conversation, newest first; more arrive as one scrolls down. */
export function ConversationList({
  activeId,
  searchRef,
  onOpen,
  onDeleted,
}: {
  activeId: string | null;
  searchRef: RefObject<HTMLInputElement | null>;
  onOpen: (id: string) => void;
  onDeleted: (id: string) => void;
}) {
  const { items, query, status, hasMore, loadedAt } = useConversations();
  const groups = useMemo(() => groupByDay(items, loadedAt), [items, loadedAt]);
  return (
    <nav className="conversations" aria-label="Conversations">
      <SearchBox inputRef={searchRef} />
      <div className="conversation-scroll">
        {groups.map(({ label, items: group }) => {
          const rows = (
            <ul>
              {group.map((conversation) => (
                <ConversationRow
                  key={conversation.id}
                  conversation={conversation}
                  active={conversation.id === activeId}
                  onOpen={onOpen}
                  onDeleted={onDeleted}
                />
              ))}
            </ul>
          );
          if (label === "Archived" && query === "") {
            return (
              <details key={label} className="conversation-group">
                <summary>{label}</summary>
                {rows}
              </details>
            );
          }
          return (
            <section key={label} className="conversation-group" aria-label={label}>
              <h2>{label}</h2>
              {rows}
            </section>
          );
        })}
        <ListNote empty={items.length === 0} status={status} query={query} />
        {hasMore && <MoreWhenSeen key={items.length} />}
      </div>
    </nav>
  );
}

function ListNote({ empty, status, query }: { empty: boolean; status: string; query: string }) {
  if (status === "failed") {
    return (
      <p className="list-note" role="alert">
        The list could not be loaded.{" "}
        <button type="button" className="text-button" onClick={() => void refresh()}>
          Try again
        </button>
      </p>
    );
  }
  if (!empty || status === "loading") return null;
  return (
    <p className="list-note" role="status">
      {query ? `Nothing about “${query}”.` : "Your conversations will be listed here."}
    </p>
  );
}

function MoreWhenSeen() {
  const mark = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (mark.current === null) return undefined;
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting) void loadMore();
      },
      { rootMargin: "200px" },
    );
    observer.observe(mark.current);
    return () => observer.disconnect();
  }, []);
  return <div ref={mark} className="list-more" />;
}
