import { type RefObject, useEffect } from "react";

import { paintWords, useFound } from "./found";
import { countFor } from "./shown";
import { changeThread } from "./store";
import { type Thread, findByServerId, toMessage } from "./thread";

/** Frames to wait for a message to be drawn. */
const PATIENCE = 90;

/** Show the message that a search led to, and mark the words in it. */
export function useFoundMessage(
  thread: Thread,
  column: RefObject<HTMLElement | null>,
  show: (count: number) => void,
): void {
  const found = useFound((state) => state.found);
  const mine = found?.conversationId === thread.conversationId ? found : null;
  const ready = thread.load === "ready";
  const message = ready && mine ? findByServerId(thread, mine.messageId) : undefined;
  const id = message?.id ?? null;

  useEffect(() => {
    if (id === null || mine === null) return undefined;
    changeThread(thread.key, (now) => {
      const there = toMessage(now, id);
      show(countFor(there, id));
      return there;
    });
    let frame = 0;
    let waited = 0;
    const look = () => {
      const drawn = column.current?.querySelector(`[data-id="${CSS.escape(id)}"]`);
      drawn?.scrollIntoView({ block: "center" });
      // Some frames more: what is drawn late, or scrolls down by itself, must not move it away.
      waited = drawn ? Math.max(waited + 1, PATIENCE - 20) : waited + 1;
      if (waited < PATIENCE) frame = requestAnimationFrame(look);
    };
    frame = requestAnimationFrame(look);
    const stop = () => cancelAnimationFrame(frame);
    addEventListener("wheel", stop, { once: true });
    return () => {
      stop();
      removeEventListener("wheel", stop);
    };
  }, [id, mine, thread.key, column, show]);

  const query = mine?.query ?? "";
  useEffect(() => {
    const root = column.current;
    if (query === "" || root === null) return undefined;
    let frame = 0;
    const paint = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => paintWords(root, query));
    };
    const observer = new MutationObserver(paint);
    observer.observe(root, { childList: true, subtree: true, characterData: true });
    paint();
    return () => {
      observer.disconnect();
      cancelAnimationFrame(frame);
      paintWords(null, "");
    };
  }, [query, column]);
}
