import type { LucideIcon } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";

import { usePopover } from "./usePopover";

export interface MenuItem {
  label: string;
  Icon: LucideIcon;
  run: () => void;
  danger?: boolean;
}

/** A button that opens a list of actions, as the ARIA menu button pattern describes it. */
export function Menu({
  label,
  icon,
  items,
  className,
}: {
  label: string;
  icon: ReactNode;
  items: MenuItem[];
  className: string;
}) {
  const { open, setOpen, close, rootRef, triggerRef } = usePopover();
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open || list.current === null || triggerRef.current === null) return;
    place(list.current, triggerRef.current);
    list.current.querySelector("button")?.focus();
  }, [open, triggerRef]);

  const onKeyDown = (event: KeyboardEvent) => {
    const buttons = [...(list.current?.querySelectorAll("button") ?? [])];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const next = {
      ArrowDown: (at + 1) % buttons.length,
      ArrowUp: (at - 1 + buttons.length) % buttons.length,
      Home: 0,
      End: buttons.length - 1,
    }[event.key];
    if (event.key === "Tab") close();
    if (next === undefined) return;
    event.preventDefault();
    buttons[next]?.focus();
  };

  return (
    <div className="popover-root" ref={rootRef} data-open={open}>
      <button
        type="button"
        ref={triggerRef}
        className={className}
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        {icon}
      </button>
      {open && (
        <div
          ref={list}
          className="menu"
          role="menu"
          tabIndex={-1}
          aria-label={label}
          onKeyDown={onKeyDown}
        >
          {items.map(({ label: name, Icon, run, danger }) => (
            <button
              key={name}
              type="button"
              role="menuitem"
              tabIndex={-1}
              className={danger ? "menu-item menu-item-danger" : "menu-item"}
              onClick={() => {
                close();
                run();
              }}
            >
              <Icon size={15} aria-hidden /> {name}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

/** Fixed to the window, so that a scrolling list does not cut it off; above when below is no room. */
function place(menu: HTMLElement, trigger: HTMLElement) {
  const at = trigger.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  const below = at.bottom + 4 + height <= window.innerHeight;
  menu.style.top = `${below ? at.bottom + 4 : Math.max(8, at.top - 4 - height)}px`;
  menu.style.left = `${Math.max(8, Math.min(at.right - width, window.innerWidth - width - 8))}px`;
}
