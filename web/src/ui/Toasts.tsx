import { X } from "lucide-react";
import { useEffect, useState } from "react";

import { t } from "./i18n";
import { type Toast, acceptToast, dismissToast, holdToast, useToasts } from "./toast";

export function Toasts() {
  const toasts = useToasts((state) => state.toasts);
  return (
    <section className="toasts" aria-label={t("Notices")}>
      {toasts.map((toast) => (
        <Notice key={toast.id} toast={toast} />
      ))}
    </section>
  );
}

/** Stays for as long as one points at it, or has the focus in it. */
function Notice({ toast: { id, tone, text, lang, action } }: { toast: Toast }) {
  const [pointed, setPointed] = useState(false);
  const [focused, setFocused] = useState(false);
  const held = pointed || focused;
  useEffect(() => (held ? holdToast(id) : undefined), [held, id]);
  return (
    <div
      className={`toast toast-${tone}`}
      role={tone === "error" ? "alert" : "status"}
      onPointerEnter={() => setPointed(true)}
      onPointerLeave={() => setPointed(false)}
      onFocus={() => setFocused(true)}
      onBlur={() => setFocused(false)}
    >
      <span lang={lang}>{text}</span>
      {action && (
        <button type="button" className="toast-action" onClick={() => acceptToast(id)}>
          {action.label}
        </button>
      )}
      <button
        type="button"
        className="icon-button"
        aria-label={t("Dismiss")}
        onClick={() => dismissToast(id)}
      >
        <X size={14} aria-hidden />
      </button>
    </div>
  );
}
