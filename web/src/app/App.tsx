import { useCallback, useEffect, useRef, useState } from "react";

import { useConnection } from "../api/connection";
import { Chat } from "../features/chat/Chat";
import { forget, open, openNew, reload, useChat } from "../features/chat/store";
import { adoptTurnSettings } from "../features/chat/turnSettings";
import { settleDeletions } from "../features/conversations/deletion";
import { refresh, useConversations } from "../features/conversations/store";
import { currentModel, loadModels, useModels } from "../features/models/store";
import { Toasts } from "../ui/Toasts";
import { ConnectionNotice } from "./ConnectionNotice";
import { Header } from "./Header";
import { KeyDialog } from "./KeyDialog";
import { go, useRoute } from "./route";
import { Sidebar } from "./Sidebar";
import { useShortcuts } from "./shortcuts";

/** Puts the features together: each knows its own business, this file introduces them. */
export function App() {
  const route = useRoute();
  const thread = useChat(({ threads, activeKey }) => threads[activeKey]);
  const model = useModels((state) => currentModel(state)?.id ?? null);
  const [drawer, setDrawer] = useState(false);
  const searchRef = useRef<HTMLInputElement>(null);

  useRouteOpens(route);
  useServerData();
  useChatChanges();
  useDocumentTitle(thread?.conversationId ?? null);

  const openConversation = useCallback((id: string | null) => {
    setDrawer(false);
    go(id);
    // A chat that was never sent has no address of its own, so the route may not change.
    if (id === null) openNew();
  }, []);
  const onDeleted = useCallback((id: string) => {
    const { threads, activeKey } = useChat.getState();
    if (threads[activeKey]?.conversationId === id) {
      go(null);
      openNew();
    }
    forget(id);
  }, []);
  useShortcuts({
    thread,
    onNew: () => openConversation(null),
    onSearch: () => {
      setDrawer(true);
      // The drawer must be open before what is in it can take the focus.
      requestAnimationFrame(() => searchRef.current?.focus());
    },
  });

  return (
    <div className="app" data-drawer={drawer}>
      <Sidebar
        activeId={thread?.conversationId ?? null}
        drawerOpen={drawer}
        searchRef={searchRef}
        onClose={() => setDrawer(false)}
        onOpen={openConversation}
        onDeleted={onDeleted}
      />
      <main className="main">
        <Header
          settingsId={thread?.conversationId ?? thread?.key ?? ""}
          onOpenDrawer={() => setDrawer(true)}
          onNew={() => openConversation(null)}
        />
        <ConnectionNotice />
        {thread && (
          <Chat
            key={thread.key}
            thread={thread}
            model={model}
            footer={<p className="caution">Small models make things up. Check what matters.</p>}
          />
        )}
      </main>
      <Toasts />
      <KeyDialog />
    </div>
  );
}

function useRouteOpens(route: string | null) {
  useEffect(() => {
    if (route === null) openNew();
    else open(route);
  }, [route]);
}

/** Load what the server knows: at first, and again whenever it comes back. */
function useServerData() {
  const epoch = useConnection((state) => state.epoch);
  useEffect(() => {
    void refresh();
    void loadModels();
    if (epoch > 0) void reload(useChat.getState().activeKey);
  }, [epoch]);
  useEffect(() => {
    addEventListener("pagehide", settleDeletions);
    // Another tab, or the terminal, may have gone on meanwhile.
    const onVisible = () => {
      if (document.visibilityState !== "visible") return;
      void refresh();
      void reload(useChat.getState().activeKey);
    };
    document.addEventListener("visibilitychange", onVisible);
    return () => {
      removeEventListener("pagehide", settleDeletions);
      document.removeEventListener("visibilitychange", onVisible);
    };
  }, []);
}

/** A chat got its conversation, or grew: the address bar and the list follow. */
function useChatChanges() {
  const changed = useChat((state) => state.changed);
  useEffect(() => {
    if (changed === null) return;
    adoptTurnSettings(changed.key, changed.conversationId);
    if (useChat.getState().activeKey === changed.key) {
      go(changed.conversationId, { replace: true });
    }
    void refresh();
  }, [changed]);
}

function useDocumentTitle(conversationId: string | null) {
  const title = useConversations(
    ({ items }) => items.find(({ id }) => id === conversationId)?.title ?? null,
  );
  useEffect(() => {
    document.title = title ? `${title} · Mini-Claude` : "Mini-Claude";
  }, [title]);
}
