import { Search } from "lucide-react";
import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";

import { t } from "../../ui/i18n";
import { go } from "../route";
import { type Command, fitting, grouped } from "./commands";
import { useCommands } from "./useCommands";
import { useFound } from "./useFound";

/** Everything by name: a field that filters a list, as the ARIA combobox pattern describes it. */
export function CommandPalette({
  onNew,
  onHelp,
  onClose,
}: {
  onNew: () => void;
  onHelp: () => void;
  onClose: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const id = useId();
  const conversations: Command[] = useFound(typed).map((conversation) => ({
    key: conversation.id,
    group: t("Conversations"),
    label: conversation.title?.trim() || t("New chat"),
    run: () => go({ page: "chat", conversationId: conversation.id }),
  }));
  const shown = [...fitting(useCommands(onNew, onHelp), typed), ...conversations];
  const active = shown[Math.min(at, shown.length - 1)];
  const activeId = active && `${id}-${active.key}`;

  useEffect(() => {
    const { current } = dialog;
    current?.showModal();
    return () => current?.close();
  }, []);
  useEffect(() => {
    if (activeId) document.getElementById(activeId)?.scrollIntoView({ block: "nearest" });
  }, [activeId]);

  const run = (command: Command) => {
    // Closed first: closing gives the focus back to where it was, which the command may move.
    dialog.current?.close();
    command.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    const last = Math.max(shown.length - 1, 0);
    const now = Math.min(at, last);
    const next = {
      ArrowDown: now === last ? 0 : now + 1,
      ArrowUp: now === 0 ? last : now - 1,
      PageDown: Math.min(now + 8, last),
      PageUp: Math.max(now - 8, 0),
    }[event.key];
    const again = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k";
    if (next !== undefined) setAt(next);
    else if (event.key === "Enter" && active) run(active);
    else if (again) dialog.current?.close();
    else return;
    event.preventDefault();
  };

  return (
    <dialog ref={dialog} className="palette" aria-label={t("Command palette")} onClose={onClose}>
      <div className="palette-field">
        <Search size={17} aria-hidden />
        <input
          type="text"
          role="combobox"
          aria-expanded={shown.length > 0}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={activeId}
          aria-label={t("What do you want to do?")}
          placeholder={t("Search conversations, pages, models, settings")}
          autoComplete="off"
          spellCheck={false}
          value={typed}
          onChange={(event) => {
            setTyped(event.target.value);
            setAt(0);
          }}
          onKeyDown={onKeyDown}
        />
      </div>
      <div
        id={`${id}-list`}
        className="palette-list"
        role="listbox"
        tabIndex={-1}
        aria-label={t("Commands")}
      >
        {grouped(shown).map(({ group, commands }) => (
          <div key={group} role="group" aria-label={group}>
            <div className="palette-group" aria-hidden>
              {group}
            </div>
            {commands.map((command) => (
              // The keyboard stays in the field; aria-activedescendant says where it is.
              // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
              <div
                key={command.key}
                id={`${id}-${command.key}`}
                role="option"
                aria-selected={command === active}
                className="palette-option"
                onClick={() => run(command)}
              >
                <span>{command.label}</span>
                {command.note && <span className="palette-note">{command.note}</span>}
              </div>
            ))}
          </div>
        ))}
      </div>
      <p className="palette-none" role="status">
        {shown.length === 0 && t("Nothing fits.")}
      </p>
    </dialog>
  );
}
