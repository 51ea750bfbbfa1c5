import { readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";

import { words as de } from "./languages/de";
import { t, useLanguage } from "./i18n";

const SRC = resolve(import.meta.dirname, "..");
const blanks = (text: string) => [...text.matchAll(/\{[a-z]+\}/g)].map(String).toSorted();
const CALL = /\bt\(\s*"((?:[^"\\]|\\.)*)"/g;

function sentences(): Set<string> {
  const found = new Set<string>();
  for (const name of readdirSync(SRC, { recursive: true, encoding: "utf8" })) {
    if (!/\.tsx?$/.test(name) || name.includes(".test.")) continue;
    const text = readFileSync(join(SRC, name), "utf8");
    for (const [, sentence = ""] of text.matchAll(CALL)) {
      found.add(JSON.parse(`"${sentence}"`) as string);
    }
  }
  return found;
}

it("every sentence is translated, and no translation is left over", () => {
  const used = sentences();
  expect([...used].filter((sentence) => !(sentence in de))).toEqual([]);
  expect(Object.keys(de).filter((sentence) => !used.has(sentence))).toEqual([]);
});

it("a sentence is translated in one place", () => {
  const folder = join(SRC, "ui", "languages");
  const keys = readdirSync(folder).flatMap((name) =>
    [...readFileSync(join(folder, name), "utf8").matchAll(/^ {2}("(?:[^"\\]|\\.)*"):/gm)].map(
      ([, key = ""]) => JSON.parse(key) as string,
    ),
  );
  // Of two, the file that happens to be spread last would win, in the others' contexts too.
  expect(keys.toSorted()).toEqual(Object.keys(de).toSorted());
});

it("a translation has the same blanks as its sentence", () => {
  for (const [sentence, translated] of Object.entries(de)) {
    expect(blanks(translated), sentence).toEqual(blanks(sentence));
  }
});

it("fills in blanks, and leaves English where there is no translation", () => {
  useLanguage.setState({ words: { "{n} rows": "{n} Zeilen" } });
  expect(t("{n} rows", { n: 3 })).toBe("3 Zeilen");
  expect(t("Close {name}", { name: "it" })).toBe("Close it");
  useLanguage.setState({ words: {} });
});
