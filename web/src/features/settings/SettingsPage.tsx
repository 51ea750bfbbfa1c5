import { LANGUAGES, type Language, chooseLanguage, t, useLanguage } from "../../ui/i18n";
import { PageFrame, Section } from "../../ui/PageFrame";
import { type Theme, setTheme, useTheme } from "../../ui/theme";

/** What this browser remembers of a person's taste. */
export default function SettingsPage() {
  return (
    <PageFrame title={t("Settings")} about={t("Kept in this browser.")}>
      <Section title={t("Appearance")}>
        <ThemeChoice />
        <LanguageChoice />
      </Section>
    </PageFrame>
  );
}

function ThemeChoice() {
  const theme = useTheme((state) => state.theme);
  return (
    <label className="field">
      <span>{t("Theme")}</span>
      <select value={theme} onChange={(event) => setTheme(event.target.value as Theme)}>
        <option value="system">{t("As the system")}</option>
        <option value="light">{t("Light")}</option>
        <option value="dark">{t("Dark")}</option>
      </select>
    </label>
  );
}

function LanguageChoice() {
  const chosen = useLanguage((state) => state.chosen);
  return (
    <label className="field">
      <span>{t("Language")}</span>
      <select
        value={chosen ?? ""}
        onChange={(event) => void chooseLanguage((event.target.value || null) as Language | null)}
      >
        <option value="">{t("As the browser")}</option>
        {Object.entries(LANGUAGES).map(([code, name]) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
