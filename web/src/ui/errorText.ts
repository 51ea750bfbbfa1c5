import { t } from "./i18n";

/** An error as a sentence. The server speaks English; what this page says itself is translated. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.name === "UnreachableError" ? away() : error.message;
}

/** What `lang` such a sentence needs where it stands, so that it is read aloud as what it is: none
 * when it is in the page's own language. */
export function errorLanguage(text: string): "en" | undefined {
  return text === away() ? undefined : "en";
}

const away = () =>
  t("Mini-Claude's server does not answer. Nothing is lost: what you wrote is still here.");
