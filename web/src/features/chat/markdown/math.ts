import { codePlaces } from "./code";

/**
 * Brings the ways people and models write formulas to the one the parser reads, `$$…$$`:
 * `\(…\)`, `\[…\]`, and `$…$` where it cannot be money (no blank just inside, no digit right
 * after: pandoc's rule). A formula with a line to itself is displayed. Code is left alone.
 */
export function unifyMath(markdown: string): string {
  if (!/\$|\\[([]/.test(markdown)) return markdown;
  return outsideCode(markdown, (prose) =>
    prose
      .replaceAll(
        OWN_LINE,
        (_, indent: string, formula: string) =>
          `${indent}$$\n${indent}${formula.trim()}\n${indent}$$`,
      )
      .replaceAll(SQUARE, (_, formula: string) => `\n$$\n${formula.trim()}\n$$\n`)
      .replaceAll(ROUND, (_, formula: string) => `$$${formula.trim()}$$`)
      .replaceAll(DOLLARS, (_, formula: string) => `$$${formula}$$`),
  );
}

// Each of these reads every character a few times at most, whatever the text: from where one begins
// it goes on only to where the next could, and no further than a formula is long. `\\` is a pair
// of its own, so that `\\[2pt]`, a line break within a formula, begins none.
const OWN_LINE = /^([ \t]*)\$\$(?=[^$\n]*[^$\s])([^$\n]+)\$\$[ \t]*$/gm;
const SQUARE = /(?<!\\)\\\[((?:\\[^[]|[^\\]){1,10000}?)\\\]/g;
const ROUND = /(?<!\\)\\\(((?:\\[^(\n]|[^\\\n]){1,2000}?)\\\)/g;
const DOLLARS = /(?<![\\$\w])\$(?![\s$])((?:[^$\n\\]|\\.){0,2000}?[^\s$\\])\$(?![\d$])/g;

function outsideCode(markdown: string, change: (prose: string) => string): string {
  let result = "";
  let from = 0;
  for (const [start, end] of codePlaces(markdown)) {
    result += change(markdown.slice(from, start)) + markdown.slice(start, end);
    from = end;
  }
  return result + change(markdown.slice(from));
}

/** Whether there is anything for the formula renderer to do. */
export function hasMath(markdown: string): boolean {
  return markdown.includes("$$");
}
