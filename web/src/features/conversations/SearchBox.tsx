import { Search, X } from "lucide-react";
import { type RefObject, useEffect, useState } from "react";

import { t } from "../../ui/i18n";
import { search, useConversations } from "./store";

const PAUSE_MS = 180;

export function SearchBox({ inputRef }: { inputRef: RefObject<HTMLInputElement | null> }) {
  const [text, setText] = useState("");
  const query = useConversations((state) => state.query);
  useEffect(() => {
    const wanted = text.trim();
    if (wanted === query) return undefined;
    const timer = setTimeout(() => search(wanted), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text, query]);
  return (
    <search className="search">
      <Search size={15} aria-hidden />
      <input
        ref={inputRef}
        type="text"
        value={text}
        aria-label={t("Search conversations")}
        placeholder={t("Search")}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.stopPropagation();
          if (text === "") inputRef.current?.blur();
          else setText("");
        }}
      />
      {text === "" ? (
        <kbd aria-hidden>/</kbd>
      ) : (
        <button
          type="button"
          className="icon-button"
          aria-label={t("Clear search")}
          onClick={() => {
            setText("");
            inputRef.current?.focus();
          }}
        >
          <X size={14} aria-hidden />
        </button>
      )}
    </search>
  );
}
