import { afterEach, expect, it, vi } from "vitest";

import { errorLanguage, errorText } from "./errorText";
import { useLanguage } from "./i18n";
import { words } from "./languages/de";
import { showError, useToasts } from "./toast";

/** As `api/http` throws them. */
const REFUSED = new Error("There is such a dataset already.");
const AWAY = Object.assign(new Error("Nobody."), { name: "UnreachableError" });

afterEach(() => {
  useLanguage.setState({ language: "en", words: {} });
  vi.useRealTimers();
});

it("marks what the server says as English, and the page's own sentences not", () => {
  // A German screen reader read English sentences as German ones.
  vi.useFakeTimers();
  useLanguage.setState({ language: "de", words });
  const own = errorText(AWAY);
  expect(own).toContain("Server antwortet nicht");
  expect([errorLanguage(errorText(REFUSED)), errorLanguage(own)]).toEqual(["en", undefined]);
  showError(REFUSED);
  showError(AWAY);
  showError("Ein Satz der Seite");
  expect(useToasts.getState().toasts.map(({ lang }) => lang)).toEqual(["en", undefined, undefined]);
});
