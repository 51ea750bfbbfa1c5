import { LANGUAGES, type Language, chooseLanguage, t, useLanguage } from "../../ui/i18n";
import { Link } from "../../ui/Link";
import { PageFrame, Section } from "../../ui/PageFrame";
import { type Theme, setTheme, useTheme } from "../../ui/theme";

/** What this browser remembers of a person's taste. */
export default function SettingsPage() {
  return (
    <PageFrame title={t("Settings")}>
      <Section title={t("Appearance")} about={t("Kept in this browser.")}>
        <ThemeChoice />
        <LanguageChoice />
      </Section>
      <Elsewhere />
    </PageFrame>
  );
}

function Elsewhere() {
  return (
    <Section title={t("Set elsewhere")}>
      <dl className="elsewhere">
        <dt>{t("How answers are drawn")}</dt>
        <dd>
          {t("In a chat, at the top right: kept with that conversation, and as a preset if you name it.")}
        </dd>
        <dt>{t("Which model answers")}</dt>
        <dd>
          {t("In a chat, at the top left; the default for everyone on the page of models.")}{" "}
          <Link to="/app/models">{t("Models")}</Link> · <Link to="/app/providers">{t("Providers")}</Link>
        </dd>
        <dt>{t("What the server does")}</dt>
        <dd>
          {t("Address, keys, limits, number formats, and theme and language for browsers that chose none: in config.toml in its home folder, described in docs/settings.md.")}
        </dd>
      </dl>
    </Section>
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
