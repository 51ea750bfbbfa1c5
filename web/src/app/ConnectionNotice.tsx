import { Unplug } from "lucide-react";

import { useConnection } from "../api/connection";
import { t } from "../ui/i18n";

/** Calm while the server is away: it says what is going on and leaves when it is over. */
export function ConnectionNotice() {
  const reachable = useConnection((state) => state.reachable);
  return (
    <div role="status" aria-live="polite">
      {!reachable && (
        <div className="connection-notice">
          <Unplug size={16} aria-hidden />
          <span>
            {t("The server does not answer. This page goes on by itself as soon as it is back.")}{" "}
            {t("If you stopped it, start it with")} <code>mini-claude serve</code>.
          </span>
        </div>
      )}
    </div>
  );
}
