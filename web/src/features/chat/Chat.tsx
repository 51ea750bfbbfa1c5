import { AuiIf, ThreadPrimitive } from "@assistant-ui/react";
import { ArrowDown } from "lucide-react";
import {
  type ReactNode,
  type RefObject,
  startTransition,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";

import type { MessageStatus } from "../../api/types";
import { formatNumber, t } from "../../ui/i18n";
import { AssistantMessage } from "./AssistantMessage";
import { useDroppedFiles } from "./attachments/useFiles";
import { ChatRuntime } from "./ChatRuntime";
import { Composer } from "./Composer";
import { ChatContextProvider } from "./context";
import { MORE_SHOWN, SOON_SHOWN, firstShown, shownPart } from "./shown";
import { reload } from "./store";
import type { Thread } from "./thread";
import { useTurnSettings } from "./turnSettings";
import { useFoundMessage } from "./useFoundMessage";
import { UserMessage, UserMessageEditor } from "./UserMessage";
import { Welcome } from "./Welcome";

const MESSAGES = {
  UserMessage,
  AssistantMessage,
  UserEditComposer: UserMessageEditor,
  SystemMessage: () => null,
};

/** Time to draw what is on the screen before what is above it. */
const SOON_MS = 50;

/** One conversation: its messages and the place to write. Mount it anew for each thread key. */
export function Chat({
  thread,
  model,
  rival,
  continues,
  seeing,
  welcome,
  footer,
}: {
  thread: Thread;
  model: string | null;
  /** A second model that answers beside it. */
  rival: string | null;
  /** Whether a model goes on with an answer that was cut off. */
  continues: (model: string) => boolean;
  /** Models that take pictures. */
  seeing: readonly string[];
  /** Shown while nothing has been said. */
  welcome?: ReactNode;
  footer?: ReactNode;
}) {
  const settings = useTurnSettings(thread.conversationId ?? thread.key);
  const { key, conversationId, pair } = thread;
  const blind = [model, rival].find((id) => id !== null && !seeing.includes(id)) ?? null;
  const context = useMemo(
    () => ({ threadKey: key, conversationId, settings, continues, model, blind, seeing, pair }),
    [key, conversationId, settings, continues, model, blind, seeing, pair],
  );
  const ready = thread.load === "ready";
  // Null: what fills the screen, and the rest of the first part when that is there.
  const [count, setCount] = useState<number | null>(null);
  const drawn = useMemo(() => count ?? firstShown(thread), [thread, count]);
  const shown = useMemo(() => shownPart(thread, drawn), [thread, drawn]);
  const column = useRef<HTMLDivElement>(null);
  const show = useCallback(
    (least: number) => setCount((now) => Math.max(now ?? SOON_SHOWN, least)),
    [],
  );
  useEffect(() => {
    if (!ready) return undefined;
    const timer = setTimeout(() => startTransition(() => show(SOON_SHOWN)), SOON_MS);
    return () => clearTimeout(timer);
  }, [ready, show]);
  useFoundMessage(thread, column, show);
  const { over, handlers } = useDroppedFiles(key);
  return (
    <ChatContextProvider value={context}>
    <ChatRuntime thread={thread} shown={shown} model={model} rival={rival} seeing={seeing}>
      <ThreadPrimitive.Root className="thread" data-over={over} {...handlers}>
        <ThreadPrimitive.Viewport
          className="viewport"
          tabIndex={-1}
          // What one meets first is read from the top.
          autoScroll={thread.messages.length > 0}
          scrollToBottomOnInitialize={thread.messages.length > 0}
        >
          <div
            className="column"
            ref={column}
            role="log"
            aria-label={t("Conversation")}
            aria-live="off"
          >
            <Earlier
              count={count === null ? 0 : shown.earlier}
              column={column}
              onMore={() => setCount(drawn + MORE_SHOWN)}
            />
            <ThreadBody thread={thread} welcome={welcome} />
          </div>
          <div className="dock">
            <AuiIf condition={(state) => !state.thread.isEmpty}>
              <ThreadPrimitive.ScrollToBottom className="to-latest" aria-label={t("Jump to latest")}>
                <ArrowDown size={17} aria-hidden />
              </ThreadPrimitive.ScrollToBottom>
            </AuiIf>
            <Composer conversationId={thread.conversationId} threadKey={thread.key} />
            {footer}
          </div>
        </ThreadPrimitive.Viewport>
        <Announcer thread={thread} />
      </ThreadPrimitive.Root>
    </ChatRuntime>
    </ChatContextProvider>
  );
}

function ThreadBody({ thread, welcome }: { thread: Thread; welcome: ReactNode }) {
  if (thread.load === "loading") return <p className="notice" role="status">{t("Opening…")}</p>;
  if (thread.load === "missing") {
    return (
      <div className="notice" role="alert">
        <h2>{t("This conversation does not exist")}</h2>
        <p>{t("It may have been deleted. The list on the left has all that there are.")}</p>
      </div>
    );
  }
  if (thread.load === "failed") {
    return (
      <div className="notice" role="alert">
        <h2>{t("This conversation could not be opened")}</h2>
        <button type="button" className="button" onClick={() => void reload(thread.key)}>
          {t("Try again")}
        </button>
      </div>
    );
  }
  return (
    <>
      <AuiIf condition={(state) => state.thread.isEmpty}>
        <Welcome>{welcome}</Welcome>
      </AuiIf>
      <ThreadPrimitive.Messages components={MESSAGES} />
    </>
  );
}

/** Leads to what is not drawn, and keeps what is being read where it is. */
function Earlier({
  count,
  column,
  onMore,
}: {
  count: number;
  column: RefObject<HTMLElement | null>;
  onMore: () => void;
}) {
  if (count === 0) return null;
  const more = () => {
    const first = column.current?.querySelector("[data-id]");
    const before = first?.getBoundingClientRect().top ?? 0;
    onMore();
    requestAnimationFrame(() => {
      const moved = (first?.getBoundingClientRect().top ?? 0) - before;
      column.current?.parentElement?.scrollBy({ top: moved });
    });
  };
  return (
    <button type="button" className="button earlier" onClick={more}>
      {t("Show earlier messages ({count})", { count: formatNumber(count) })}
    </button>
  );
}

/** Tells a screen reader once when an answer is there, instead of every word of it. */
function Announcer({ thread }: { thread: Thread }) {
  const last = thread.messages.find(({ id }) => id === thread.headId);
  const text = !last || last.role !== "assistant" ? "" : spoken(last.status);
  return (
    <div className="visually-hidden" role="status" aria-live="polite">
      {text}
    </div>
  );
}

function spoken(status: MessageStatus): string {
  return {
    streaming: t("Answering"),
    complete: t("Answer finished"),
    cancelled: t("Answer stopped"),
    interrupted: t("Answer interrupted"),
    error: t("Answer failed"),
  }[status];
}
