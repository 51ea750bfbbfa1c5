import { chooseModel, currentModel, useModels } from "../../features/models/store";
import { LANGUAGES, type Language, chooseLanguage, t, useLanguage } from "../../ui/i18n";
import { type Theme, setTheme, useTheme } from "../../ui/theme";
import { keyName } from "../keys";
import { BODIES } from "../pages";
import { PAGES, go } from "../route";
import type { Command } from "./commands";

const LANGUAGE_CODES = Object.keys(LANGUAGES) as Language[];

const note = (now: boolean) => (now ? t("now") : undefined);

/** Everything but the conversations. */
export function useCommands(onNew: () => void, onHelp: () => void): Command[] {
  const { models, chosen } = useModels();
  const theme = useTheme((state) => state.theme);
  const language = useLanguage((state) => state.language);
  const model = currentModel({ models, chosen })?.id;
  const themes: [Theme, string][] = [
    ["system", t("As the system")],
    ["light", t("Light")],
    ["dark", t("Dark")],
  ];
  const places = t("Go to");
  return [
    {
      key: "new",
      group: places,
      label: t("New chat"),
      note: `${keyName("mod")}+${keyName("shift")}+O`,
      run: onNew,
    },
    ...PAGES.map((page) => ({
      key: `page-${page}`,
      group: places,
      label: BODIES[page].name(),
      run: () => go({ page, id: null }),
    })),
    { key: "help", group: places, label: t("Keyboard shortcuts"), note: "?", run: onHelp },
    ...models.map(({ id }) => ({
      key: `model-${id}`,
      group: t("Model"),
      label: id,
      note: note(id === model),
      run: () => chooseModel(id),
    })),
    ...themes.map(([name, label]) => ({
      key: `theme-${name}`,
      group: t("Theme"),
      label,
      note: note(name === theme),
      run: () => setTheme(name),
    })),
    ...LANGUAGE_CODES.map((code) => ({
      key: `language-${code}`,
      group: t("Language"),
      label: LANGUAGES[code],
      note: note(code === language),
      run: () => void chooseLanguage(code),
    })),
  ];
}
