import { useEffect } from "react";

import { stop } from "../features/chat/store";
import { type Thread, streaming } from "../features/chat/thread";

interface Shortcuts {
  thread: Thread | undefined;
  onNew: () => void;
  onSearch: () => void;
}

export type Command = "search" | "new" | "stop";

/** Ctrl/Cmd+K or / searches, Ctrl/Cmd+Shift+O starts anew, Escape stops the answer. */
export function commandOf(
  event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">,
  typing: boolean,
): Command | null {
  const key = event.key.toLowerCase();
  const command = (event.ctrlKey || event.metaKey) && !event.altKey;
  if (command && !event.shiftKey && key === "k") return "search";
  if (command && event.shiftKey && key === "o") return "new";
  if (command || event.altKey) return null;
  if (key === "/" && !typing) return "search";
  return key === "escape" ? "stop" : null;
}

export function useShortcuts({ thread, onNew, onSearch }: Shortcuts) {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.isComposing || event.defaultPrevented) return;
      const command = commandOf(event, isTyping(event.target));
      if (command === null) return;
      if (command === "stop") {
        if (thread && streaming(thread)) void stop(thread.key);
        return;
      }
      event.preventDefault();
      if (command === "new") onNew();
      else onSearch();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [thread, onNew, onSearch]);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName))
  );
}
