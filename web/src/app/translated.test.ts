/** No sentence that a person sees or hears is written past `t("…")`. */

import { readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseAst } from "rolldown/parseAst";
import { expect, it } from "vitest";

const SRC = resolve(import.meta.dirname, "..");
const SPOKEN = new Set(["aria-label", "aria-description", "placeholder", "title", "alt", "label"]);
/** Names, addresses, and what is typed into a terminal. */
const NAMES = new Set([
  "Anthropic",
  "Esc",
  "HuggingFaceTB/SmolLM2-135M-Instruct",
  "Mini-Claude",
  "https://api.anthropic.com",
  "https://api.openai.com/v1",
  "mini-claude pull",
  "mini-claude serve",
]);

interface Node {
  type: string;
  [field: string]: unknown;
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && typeof (value as Node).type === "string";

function* nodesIn(node: Node): Generator<Node> {
  yield node;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) yield* nodesIn(child);
    }
  }
}

/** The texts that `node` can turn out as: both sides of a choice, not what a call is given. */
function literals(node: unknown): string[] {
  if (!isNode(node)) return [];
  switch (node.type) {
    case "Literal":
      return typeof node.value === "string" ? [node.value] : [];
    case "TemplateLiteral":
      return (node.quasis as { value: { raw: string } }[]).map(({ value }) => value.raw);
    case "ConditionalExpression":
      return [node.consequent, node.alternate].flatMap(literals);
    case "LogicalExpression":
      return [node.left, node.right].flatMap(literals);
    case "JSXExpressionContainer":
      return literals(node.expression);
    case "JSXText":
      return [node.value as string];
    default:
      return [];
  }
}

function shown(source: string): string[] {
  const found: string[] = [];
  for (const node of nodesIn(parseAst(source, { lang: "tsx" }) as unknown as Node)) {
    if (node.type === "JSXElement" || node.type === "JSXFragment") {
      found.push(...(node.children as unknown[]).flatMap(literals));
    } else if (node.type === "JSXAttribute") {
      const { name } = node.name as { name: unknown };
      if (SPOKEN.has(String(name))) found.push(...literals(node.value));
    }
  }
  return found.map((text) => text.trim()).filter((text) => /\p{L}{2}/u.test(text));
}

it("finds what is written past the translation, and nothing else", () => {
  expect(shown('const a = <p title="Tip">Hello {t("there")} {n > 1 ? "rows" : t("row")}</p>;')).toEqual(
    ["Hello", "rows", "Tip"],
  );
  expect(shown("const a = <p className='wide' id={`a${b}`}>{word} · {1}</p>;")).toEqual([]);
});

it("every text on the page goes through t()", () => {
  const untranslated: string[] = [];
  for (const name of readdirSync(SRC, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".tsx")) continue;
    for (const text of shown(readFileSync(join(SRC, name), "utf8"))) {
      if (!NAMES.has(text)) untranslated.push(`${name}: ${text}`);
    }
  }
  expect(untranslated).toEqual([]);
});
