import { create } from "zustand";

import { recall, remember } from "./storage";

export type Theme = "system" | "light" | "dark";

/** `public/theme.js` applies the same choice before the first paint. */
export const useTheme = create<{ theme: Theme }>(() => ({
  theme: recall<Theme>("theme", (document.documentElement.dataset.themePreset ?? "system") as Theme),
}));

export function setTheme(theme: Theme): void {
  remember("theme", theme);
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  useTheme.setState({ theme });
}
