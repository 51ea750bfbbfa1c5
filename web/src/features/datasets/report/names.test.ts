import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";

import { useLanguage } from "../../../ui/i18n";
import { words } from "../../../ui/languages/de";
import { harmWord, kindWord, personalWord } from "./names";

const DATA = join(import.meta.dirname, "../../../../../miniclaude/data");
const read = (name: string) => readFileSync(join(DATA, name), "utf8");

/** What a pattern's group finds in a file of the pipeline. */
const names = (file: string, pattern: RegExp) =>
  [...read(file).matchAll(pattern)].map(([, name = ""]) => name);

afterEach(() => useLanguage.setState({ language: "en", words: {} }));

it("has a German word for every category of the pipeline", () => {
  // A report in German listed them in English.
  useLanguage.setState({ language: "de", words });
  const kinds = /KINDS: tuple\[str, \.\.\.\] = \(([^)]+)\)/.exec(read("kinds.py"))?.[1] ?? "";
  const listed = [...kinds.matchAll(/"([a-z-]+)"/g)].map(([, kind = ""]) => kind);
  const harms = names("safety_rules.py", /^ {4}rule\(\n {8}"([a-z -]+)"/gm);
  const personal = names("personal_patterns.py", /Pattern\(\s*"([a-z]+)"/g);
  expect([listed.length, harms.length, personal.length]).toEqual([16, 9, 10]);
  const same = [
    ...[...listed, "other"].filter((name) => kindWord(name) === name),
    ...[...harms, "cruelty", "profanity"].filter((name) => harmWord(name) === name),
    ...personal.filter((name) => personalWord(name) === name),
  ];
  expect(same).toEqual([]);
});

it("calls what only the rows know as they do", () => {
  expect([kindWord("pirate"), kindWord("constructor"), kindWord("not-knowing")]).toEqual([
    "pirate",
    "constructor",
    "not knowing",
  ]);
});
