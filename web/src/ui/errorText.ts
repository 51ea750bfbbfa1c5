import { t } from "./i18n";

/** An error as a sentence. The server speaks English; what this page says itself is translated. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.name === "UnreachableError"
    ? t("Mini-Claude's server does not answer. Nothing is lost: what you wrote is still here.")
    : error.message;
}
