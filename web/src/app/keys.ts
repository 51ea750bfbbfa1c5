/** Keys, as this machine's keyboard and the page's language call them. */

import { t } from "../ui/i18n";

const isMac = () => /Mac|iP(hone|ad)/.test(navigator.userAgent);

export function keyName(key: "mod" | "shift" | "esc" | "enter"): string {
  switch (key) {
    case "mod":
      return isMac() ? "⌘" : t("Ctrl");
    case "shift":
      return t("Shift");
    case "enter":
      return t("Enter");
    default:
      return "Esc";
  }
}
