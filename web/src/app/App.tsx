import { Menu } from "lucide-react";
import { Suspense, useCallback, useEffect, useRef, useState } from "react";

import { useConnection } from "../api/connection";
import { forgetFound, showFound } from "../features/chat/found";
import { leafOnScreen } from "../features/chat/leaf";
import { forget, open, openNew, reload, useChat } from "../features/chat/store";
import { useSettingsStored } from "../features/chat/turnSettings";
import { forgetWords } from "../features/chat/unsent";
import { onGone, settleDeletions } from "../features/conversations/deletion";
import { refresh, useConversations } from "../features/conversations/store";
import { chooseModel, loadModels } from "../features/models/store";
import { loadLanguage, t, useLanguage } from "../ui/i18n";
import { Toasts } from "../ui/Toasts";
import { useNarrow } from "../ui/useNarrow";
import { ChatPage } from "./ChatPage";
import { ConnectionNotice } from "./ConnectionNotice";
import { KeyDialog } from "./KeyDialog";
import { PageBoundary } from "./PageBoundary";
import { BODIES } from "./pages";
import { CommandPalette } from "./palette/CommandPalette";
import { type Route, chatIsShown, go, useRoute } from "./route";
import { ShortcutsDialog } from "./ShortcutsDialog";
import { Sidebar } from "./Sidebar";
import { SkipLink, usePageFocus } from "./SkipLink";
import { useShortcuts } from "./shortcuts";
import { listenToOtherTabs, tellOtherTabs } from "./tabs";

/** Puts the features together: each knows its own business, this file introduces them. */
export function App() {
  const route = useRoute();
  const thread = useChat(({ threads, activeKey }) => threads[activeKey]);
  const language = useLanguage((state) => state.language);
  const narrow = useNarrow();
  const [drawer, setDrawer] = useState(false);
  const [overlay, setOverlay] = useState<"palette" | "help" | null>(null);
  const mainRef = useRef<HTMLElement>(null);
  const searchRef = useRef<HTMLInputElement>(null);

  useRouteOpens(route);
  useServerData();
  useChatChanges();
  useOtherTabs();
  usePageFocus(route, mainRef);
  useDocumentTitle(route, thread?.conversationId ?? null);

  const openConversation = useCallback((id: string | null) => {
    setDrawer(false);
    go({ page: "chat", conversationId: id });
    // A chat that was never sent has no address of its own, so the route may not change.
    if (id === null) openNew();
  }, []);
  const onDeleted = useCallback((id: string) => {
    const { threads, activeKey } = useChat.getState();
    if (threads[activeKey]?.conversationId === id) {
      if (chatIsShown()) go({ page: "chat", conversationId: null });
      openNew();
    }
    forget(id);
  }, []);
  const closeOverlay = useCallback(() => setOverlay(null), []);
  const uncovered = route.page === "chat" && !(narrow && drawer);
  useShortcuts({
    thread: uncovered ? thread : undefined,
    onPalette: () => setOverlay("palette"),
    onHelp: () => setOverlay("help"),
    onNew: () => openConversation(null),
    onSearch: () => {
      setDrawer(true);
      // The drawer must be open before what is in it can take the focus.
      requestAnimationFrame(() => searchRef.current?.focus());
    },
  });

  return (
    <div className="app" data-drawer={drawer} key={language}>
      <SkipLink mainRef={mainRef} />
      <Sidebar
        route={route}
        activeId={route.page === "chat" ? (thread?.conversationId ?? null) : null}
        drawerOpen={drawer}
        searchRef={searchRef}
        leafOf={leafOnScreen}
        onPalette={() => setOverlay("palette")}
        onClose={() => setDrawer(false)}
        onNew={() => openConversation(null)}
        onOpen={({ id, match }) => {
          openConversation(id);
          if (match) showFound(id, match.message_id, useConversations.getState().query);
        }}
        onGo={(to) => {
          setDrawer(false);
          go(to);
        }}
        onDeleted={onDeleted}
      />
      <main className="main" ref={mainRef} tabIndex={-1}>
        {route.page === "chat" ? (
          <PageBoundary place={route}>
            <ChatPage
              thread={thread}
              onOpenDrawer={() => setDrawer(true)}
              onNew={() => openConversation(null)}
            />
          </PageBoundary>
        ) : (
          <OtherPage route={route} onOpenDrawer={() => setDrawer(true)} />
        )}
      </main>
      <Toasts />
      {overlay === "palette" && (
        <CommandPalette
          onNew={() => openConversation(null)}
          onHelp={() => setOverlay("help")}
          onClose={closeOverlay}
        />
      )}
      {overlay === "help" && <ShortcutsDialog onClose={closeOverlay} />}
      <KeyDialog />
    </div>
  );
}

function OtherPage({
  route,
  onOpenDrawer,
}: {
  route: Exclude<Route, { page: "chat" }>;
  onOpenDrawer: () => void;
}) {
  const { Body } = BODIES[route.page];
  return (
    <>
      <button
        type="button"
        className="icon-button only-narrow page-menu"
        aria-label={t("Show pages")}
        onClick={onOpenDrawer}
      >
        <Menu size={19} aria-hidden />
      </button>
      <ConnectionNotice />
      <PageBoundary place={route}>
        <Suspense fallback={<p className="notice" role="status">{t("Opening…")}</p>}>
          <Body id={route.id} />
        </Suspense>
      </PageBoundary>
    </>
  );
}

function useRouteOpens(route: Route) {
  useEffect(() => {
    if (route.page !== "chat") return;
    takeModelOfAddress();
    if (route.conversationId === null) openNew();
    else open(route.conversationId);
  }, [route]);
}

/** `/?model=NAME` is a new chat with that model; the address is then that of any new chat. */
function takeModelOfAddress() {
  const model = new URLSearchParams(location.search).get("model");
  if (model === null) return;
  history.replaceState(null, "", location.pathname);
  chooseModel(model);
  void loadModels(); // one that was just taught is not known yet
}

/** Load what the server knows: at first, and again whenever it comes back. */
function useServerData() {
  const epoch = useConnection((state) => state.epoch);
  useEffect(() => void loadLanguage(), []);
  useEffect(() => onGone(forgetWords), []);
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
    // The chat stays the active one while another page is open; that page keeps its address.
    if (chatIsShown() && useChat.getState().activeKey === changed.key) {
      go({ page: "chat", conversationId: changed.conversationId }, { replace: true });
    }
    void refresh();
    tellOtherTabs(changed.conversationId);
  }, [changed]);
  const stored = useSettingsStored((state) => state.stored);
  useEffect(() => {
    if (stored !== null) tellOtherTabs(stored.id);
  }, [stored]);
}

/** What another tab did is shown here at once; and words that are looked for no more are no longer
 * marked. */
function useOtherTabs() {
  const query = useConversations((state) => state.query);
  useEffect(() => {
    if (query === "") forgetFound();
  }, [query]);
  useEffect(
    () =>
      listenToOtherTabs((conversationId) => {
        void refresh();
        const { threads } = useChat.getState();
        for (const thread of Object.values(threads)) {
          if (thread.conversationId === conversationId) void reload(thread.key);
        }
      }),
    [],
  );
}

function useDocumentTitle(route: Route, conversationId: string | null) {
  const conversation = useConversations(
    ({ items }) => items.find(({ id }) => id === conversationId)?.title ?? null,
  );
  const title = route.page === "chat" ? conversation : BODIES[route.page].name();
  useEffect(() => {
    document.title = title ? `${title} · Mini-Claude` : "Mini-Claude";
  }, [title]);
}
