import { X } from "lucide-react";

import { t } from "./i18n";
import { dismissToast, useToasts } from "./toast";

export function Toasts() {
  const toasts = useToasts((state) => state.toasts);
  return (
    <section className="toasts" aria-label={t("Notices")}>
      {toasts.map(({ id, tone, text, lang, action }) => (
        <div key={id} className={`toast toast-${tone}`} role={tone === "error" ? "alert" : "status"}>
          <span lang={lang}>{text}</span>
          {action && (
            <button
              type="button"
              className="toast-action"
              onClick={() => {
                action.run();
                dismissToast(id);
              }}
            >
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
      ))}
    </section>
  );
}
