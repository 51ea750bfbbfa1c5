/** Who may import whom: app > features > api and ui; features are strangers to one another. */

import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const SRC = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const MOST_LINES = 250;
const WRITTEN_BY_A_SCRIPT = join("api", "schema.ts");

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.(tsx?|css)$/.test(name))
  .map((name) => ({ name, text: readFileSync(join(SRC, name), "utf8") }));

/** `features/chat/Chat.tsx` → `features/chat`; `app/App.tsx` → `app`. */
function roomOf(path: string): string {
  const [top = "", feature = ""] = path.split("/");
  return top === "features" ? `${top}/${feature}` : top;
}

function mayImport(from: string, to: string): boolean {
  if (from === to || from === "main.tsx") return true;
  if (from === "app") return true;
  return from.startsWith("features/") && (to === "api" || to === "ui");
}

it("imports point the allowed way", () => {
  const wrong: string[] = [];
  for (const { name, text } of files) {
    for (const [, path = ""] of text.matchAll(/(?:from|import)\s*\(?"(\.[^"]+)"/g)) {
      const target = relative(SRC, resolve(SRC, dirname(name), path));
      if (!mayImport(roomOf(name), roomOf(target))) wrong.push(`${name} imports ${target}`);
    }
  }
  expect(wrong).toEqual([]);
});

it("a class has its looks from one style sheet", () => {
  // The sheets are loaded together: two features that mean different things by one name spoil
  // each other's.
  const owners = new Map<string, Set<string>>();
  for (const { name, text } of files.filter((file) => file.name.endsWith(".css"))) {
    for (const [, found = ""] of text.matchAll(/^\.([\w-]+)(?: \{|,)$/gm)) {
      owners.set(found, (owners.get(found) ?? new Set()).add(name));
    }
  }
  const shared = [...owners].filter(([, sheets]) => sheets.size > 1);
  expect(owners.size).toBeGreaterThan(100);
  expect(shared.map(([name, sheets]) => `.${name}: ${[...sheets].join(", ")}`)).toEqual([]);
});

it("no file is too long to read in one go", () => {
  const long = files
    .filter(({ name }) => !name.endsWith(".css") && name !== WRITTEN_BY_A_SCRIPT)
    .filter(({ text }) => text.split("\n").length > MOST_LINES);
  expect(long.map(({ name }) => name)).toEqual([]);
});
