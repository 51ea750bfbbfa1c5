import { useEffect } from "react";

import { stop } from "../features/chat/asking";
import { type Thread, streaming } from "../features/chat/thread";

interface Shortcuts {
  /** The chat on the screen, unless something lies over it that Escape closes. */
  thread: Thread | undefined;
  onNew: () => void;
  onSearch: () => void;
  onPalette: () => void;
  onHelp: () => void;
}

export type Command = "palette" | "search" | "help" | "new" | "stop";

/** Ctrl/Cmd+K opens the palette, / searches, ? or Ctrl/Cmd+/ tells the keys, Ctrl/Cmd+Shift+O
 * starts anew, Escape stops the answer. `ShortcutsDialog` lists them. */
export function commandOf(
  event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">,
  typing: boolean,
): Command | null {
  const key = event.key.toLowerCase();
  const command = (event.ctrlKey || event.metaKey) && !event.altKey;
  if (command && !event.shiftKey && key === "k") return "palette";
  if (command && key === "/") return "help";
  if (command && event.shiftKey && key === "o") return "new";
  if (command || event.altKey) return null;
  if (key === "/" && !typing) return "search";
  if (key === "?" && !typing) return "help";
  return key === "escape" ? "stop" : null;
}

export function useShortcuts({ thread, onNew, onSearch, onPalette, onHelp }: Shortcuts) {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.isComposing || event.defaultPrevented) return;
      // What is open has keys of its own.
      if (document.querySelector("dialog[open]") !== null) return;
      const command = commandOf(event, isTyping(event.target));
      if (command === null) return;
      if (command === "stop") {
        if (thread && streaming(thread)) void stop(thread.key);
        return;
      }
      event.preventDefault();
      ({ new: onNew, search: onSearch, palette: onPalette, help: onHelp })[command]();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [thread, onNew, onSearch, onPalette, onHelp]);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName))
  );
}
