/**
 * Cuts growing Markdown into parts, so that what is finished is neither read nor drawn again for
 * every piece: all parts but the last stay as they are.
 *
 * A cut is made between blocks, some blocks before the end: a list goes on, a line of dashes makes
 * a heading of the line above, a fence closes. Footnotes tie distant blocks together, so text that
 * has one stays in one part.
 */

type Split = (markdown: string) => string[];

/** Blocks of a finished part; blank lines count as blocks. */
export const PART = 40;
/** Blocks at the end that more text may change. */
const UNSETTLED = 4;
const FOOTNOTE = /\[\^[^\]\n]+\]/;

/** A cutter for one growing text; `split` reads Markdown into blocks. */
export function growingParts(split: Split): Split {
  let finished: string[] = [];
  let start = "";
  return (markdown) => {
    if (!markdown.startsWith(start)) [finished, start] = [[], ""];
    let rest = markdown.slice(start.length);
    if (FOOTNOTE.test(rest)) {
      [finished, start] = [[], ""];
      return [markdown];
    }
    let blocks = split(rest);
    while (blocks.length >= PART + UNSETTLED) {
      const part = blocks.slice(0, PART).join("");
      // Where a splitter gives back something other than what it was given, nothing is cut.
      if (part === "" || !rest.startsWith(part)) break;
      finished = [...finished, part];
      start += part;
      rest = rest.slice(part.length);
      blocks = blocks.slice(PART);
    }
    return [...finished, rest];
  };
}
