/**
 * Reading growing Markdown into blocks without reading all of it again for every piece.
 *
 * What was read stays as it was read but for the last few blocks: a list goes on, a line of dashes
 * makes a heading of the line above, a fence closes. Footnotes tie distant blocks together, so text
 * that has one is read whole.
 */

type Split = (markdown: string) => string[];

/** Blocks at the end that more text may change; blank lines count as blocks. */
const UNSETTLED = 4;
const FOOTNOTE = /\[\^[^\]\n]+\]/;

/** A splitter for one growing text, with the same result as `split`. */
export function growingBlocks(split: Split): Split {
  let settled = "";
  let blocks: string[] = [];
  return (markdown) => {
    const known = settled !== "" && markdown.startsWith(settled);
    const rest = known ? markdown.slice(settled.length) : markdown;
    const whole = !known || FOOTNOTE.test(rest);
    const read = split(whole ? markdown : rest);
    const all = whole ? read : [...blocks, ...read];
    blocks = all.slice(0, -UNSETTLED);
    const start = blocks.join("");
    // Where a splitter gives back something other than what it was given, nothing is settled.
    settled = markdown.startsWith(start) ? start : "";
    if (settled === "") blocks = [];
    return all;
  };
}
