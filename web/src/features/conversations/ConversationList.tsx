import { type RefObject, useEffect, useMemo, useRef } from "react";

import type { Conversation } from "../../api/types";
import { t } from "../../ui/i18n";
import { ConversationRow } from "./ConversationRow";
import { FolderSelect } from "./FolderSelect";
import { groupByDay } from "./list";
import type { LeafOf } from "./RowDialogs";
import { SearchBox } from "./SearchBox";
import { loadMore, openArchive, refresh, useConversations } from "./store";

/** Every conversation, newest first; more arrive as one scrolls down. */
export function ConversationList({
  activeId,
  searchRef,
  leafOf,
  onOpen,
  onDeleted,
}: {
  activeId: string | null;
  searchRef: RefObject<HTMLInputElement | null>;
  leafOf: LeafOf;
  onOpen: (conversation: Conversation) => void;
  onDeleted: (id: string) => void;
}) {
  const { items, archived, archivedNext, query, status, next, loadedAt } = useConversations();
  const groups = useMemo(() => groupByDay(items, loadedAt), [items, loadedAt]);
  const found = items.length + (archived?.length ?? 0);
  const hasArchive = status === "ready" && (query === "" ? found : (archived?.length ?? 0)) > 0;
  const rows = (conversations: Conversation[]) => (
    <ul>
      {conversations.map((conversation) => (
        <ConversationRow
          key={conversation.id}
          conversation={conversation}
          active={conversation.id === activeId}
          leafOf={leafOf}
          onOpen={onOpen}
          onDeleted={onDeleted}
        />
      ))}
    </ul>
  );
  return (
    <nav className="conversations" aria-label={t("Conversations")}>
      <SearchBox inputRef={searchRef} />
      <FolderSelect />
      <div className="conversation-scroll">
        {groups.map((group) => (
          <section key={group.label} className="conversation-group" aria-label={group.label}>
            <h2>{group.label}</h2>
            {rows(group.items)}
          </section>
        ))}
        <ListNote empty={found === 0} status={status} query={query} />
        {next !== null && <MoreWhenSeen key={next} archived={false} />}
        {hasArchive && (
          <details
            className="conversation-group"
            open={query !== ""}
            onToggle={(event) => {
              if (event.currentTarget.open) void openArchive();
            }}
          >
            <summary>{t("Archived")}</summary>
            {rows(archived ?? [])}
            {archivedNext !== null && <MoreWhenSeen key={archivedNext} archived />}
            {archived?.length === 0 && <p className="list-note">{t("Nothing is archived.")}</p>}
          </details>
        )}
      </div>
    </nav>
  );
}

function ListNote({ empty, status, query }: { empty: boolean; status: string; query: string }) {
  if (status === "failed") {
    return (
      <p className="list-note" role="alert">
        {t("The list could not be loaded.")}{" "}
        <button type="button" className="text-button" onClick={() => void refresh()}>
          {t("Try again")}
        </button>
      </p>
    );
  }
  if (!empty || status === "loading") return null;
  return (
    <p className="list-note" role="status">
      {query ? t("Nothing about “{query}”.", { query }) : t("Your conversations will be listed here.")}
    </p>
  );
}

function MoreWhenSeen({ archived }: { archived: boolean }) {
  const mark = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (mark.current === null) return undefined;
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting) void loadMore(archived);
      },
      { rootMargin: "200px" },
    );
    observer.observe(mark.current);
    return () => observer.disconnect();
  }, [archived]);
  return <div ref={mark} className="list-more" />;
}
