import { Monitor, Moon, Sun } from "lucide-react";

import { t } from "./i18n";
import { type Theme, setTheme, useTheme } from "./theme";

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const LABEL: Record<Theme, () => string> = {
  system: () => t("Theme: as the system"),
  light: () => t("Theme: light"),
  dark: () => t("Theme: dark"),
};
const ICON = { system: Monitor, light: Sun, dark: Moon };

export function ThemeToggle() {
  const theme = useTheme((state) => state.theme);
  const Icon = ICON[theme];
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={t("{theme}. Change", { theme: LABEL[theme]() })}
      title={LABEL[theme]()}
      onClick={() => setTheme(NEXT[theme])}
    >
      <Icon size={17} aria-hidden />
    </button>
  );
}
