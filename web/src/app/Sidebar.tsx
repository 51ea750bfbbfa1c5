import { Command, SquarePen, X } from "lucide-react";
import { type RefObject, useEffect, useRef } from "react";

import type { Conversation } from "../api/types";
import { ConversationList } from "../features/conversations/ConversationList";
import type { LeafOf } from "../features/conversations/RowDialogs";
import { useNarrow } from "../ui/useNarrow";
import { t } from "../ui/i18n";
import { keyName } from "./keys";
import { Logo } from "./Logo";
import { Nav } from "./Nav";
import type { Route } from "./route";

/** Beside the chat on a wide screen; a drawer over it on a narrow one. */
export function Sidebar({
  route,
  activeId,
  drawerOpen,
  searchRef,
  leafOf,
  onPalette,
  onClose,
  onNew,
  onOpen,
  onGo,
  onDeleted,
}: {
  route: Route;
  activeId: string | null;
  drawerOpen: boolean;
  searchRef: RefObject<HTMLInputElement | null>;
  leafOf: LeafOf;
  onPalette: () => void;
  onClose: () => void;
  onNew: () => void;
  onOpen: (conversation: Conversation) => void;
  onGo: (route: Route) => void;
  onDeleted: (id: string) => void;
}) {
  const narrow = useNarrow();
  const hidden = narrow && !drawerOpen;
  const closeButton = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!narrow || !drawerOpen) return undefined;
    closeButton.current?.focus();
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape") onClose();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [narrow, drawerOpen, onClose]);

  return (
    <>
      <aside className="sidebar" inert={hidden} aria-label={t("Sidebar")}>
        <div className="sidebar-head">
          <Logo />
          <span className="wordmark">Mini-Claude</span>
          <span className="grow" />
          <button
            type="button"
            className="icon-button"
            aria-label={t("Command palette")}
            title={`${t("Command palette")} (${keyName("mod")}+K)`}
            onClick={onPalette}
          >
            <Command size={16} aria-hidden />
          </button>
          <button
            type="button"
            ref={closeButton}
            className="icon-button only-narrow"
            aria-label={t("Hide conversations")}
            onClick={onClose}
          >
            <X size={18} aria-hidden />
          </button>
        </div>
        <button
          type="button"
          className="new-chat"
          title={t("New chat (Ctrl+Shift+O)")}
          onClick={onNew}
        >
          <SquarePen size={16} aria-hidden /> {t("New chat")}
        </button>
        <ConversationList
          activeId={activeId}
          searchRef={searchRef}
          leafOf={leafOf}
          onOpen={onOpen}
          onDeleted={onDeleted}
        />
        <Nav route={route} onGo={onGo} />
      </aside>
      <div className="scrim" aria-hidden onClick={onClose} />
    </>
  );
}
