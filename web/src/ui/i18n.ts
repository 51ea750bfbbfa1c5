/** The page's languages. English is what the source says; another language is a table from it. */

import { create } from "zustand";

import { recall, remember } from "./storage";

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;
/** Remembered in a language's place by who leaves it to the browser. */
const BROWSERS = "browser";
type Words = Readonly<Record<string, string>>;

/** Each is a file of its own, fetched when it is chosen. */
const TABLES: Record<Exclude<Language, "en">, () => Promise<{ words: Words }>> = {
  de: () => import("./languages/de"),
};

interface State {
  /** What was chosen; null leaves it to the browser. */
  chosen: Language | null;
  language: Language;
  words: Words;
}

/** Chosen in this browser, else by the server's settings. */
function remembered(): Language | null {
  const preset = globalThis.document?.documentElement.dataset.languagePreset ?? BROWSERS;
  const name = recall<string>("language", preset);
  return isLanguage(name) ? name : null;
}

export const useLanguage = create<State>(() => ({
  chosen: remembered(),
  language: "en",
  words: {},
}));

function isLanguage(name: string): name is Language {
  return Object.hasOwn(LANGUAGES, name);
}

function wanted(chosen: Language | null): Language {
  if (chosen !== null) return chosen;
  const own = navigator.languages.map((name) => name.slice(0, 2).toLowerCase());
  return own.find(isLanguage) ?? "en";
}

/** Fetch the words of the language that is wanted; English stays where they cannot be had. */
export async function loadLanguage(): Promise<void> {
  const language = wanted(useLanguage.getState().chosen);
  try {
    const words = language === "en" ? {} : (await TABLES[language]()).words;
    document.documentElement.lang = language;
    useLanguage.setState({ language, words });
  } catch {
    document.documentElement.lang = "en";
  }
}

export async function chooseLanguage(chosen: Language | null): Promise<void> {
  remember("language", chosen ?? BROWSERS);
  useLanguage.setState({ chosen });
  await loadLanguage();
}

/** A sentence in the page's language. `{name}` in it is replaced by what `values` has of that name.
 * The text must be written out where this is called: a test looks for it in every table. */
export function t(text: string, values: Readonly<Record<string, string | number>> = {}): string {
  const sentence = useLanguage.getState().words[text] ?? text;
  return sentence.replaceAll(/\{([a-z]+)\}/g, (blank, name: string) =>
    Object.hasOwn(values, name) ? String(values[name]) : blank,
  );
}

/** A number as people of the page's language write it. */
export function formatNumber(value: number, options: Intl.NumberFormatOptions = {}): string {
  return new Intl.NumberFormat(useLanguage.getState().language, options).format(value);
}
