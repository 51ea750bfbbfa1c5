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
        /^([ \t]*)\$\$([^$\n]*[^$\s][^$\n]*)\$\$[ \t]*$/gm,
        (_, indent: string, formula: string) =>
          `${indent}$$\n${indent}${formula.trim()}\n${indent}$$`,
      )
      .replaceAll(/\\\[([^]+?)\\\]/g, (_, formula: string) => `\n$$\n${formula.trim()}\n$$\n`)
      .replaceAll(/\\\((.+?)\\\)/g, (_, formula: string) => `$$${formula.trim()}$$`)
      .replaceAll(
        /(?<![\\$\w])\$(?![\s$])((?:[^$\n\\]|\\.)*?[^\s$\\])\$(?![\d$])/g,
        (_, formula: string) => `$$${formula}$$`,
      ),
  );
}

/** Fenced blocks (also one that is still open) and code spans. */
const CODE = /(^ {0,3}(`{3,}|~{3,})[^]*?(?:^ {0,3}\2[`~]*[ \t]*$|(?![^])))|(`+)[^`][^]*?\3(?!`)/gm;

function outsideCode(markdown: string, change: (prose: string) => string): string {
  let result = "";
  let from = 0;
  for (const match of markdown.matchAll(CODE)) {
    result += change(markdown.slice(from, match.index)) + match[0];
    from = match.index + match[0].length;
  }
  return result + change(markdown.slice(from));
}

/** Whether there is anything for the formula renderer to do. */
export function hasMath(markdown: string): boolean {
  return markdown.includes("$$");
}
