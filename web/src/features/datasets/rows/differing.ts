/** Where a text differs from another one: behind what both begin with, before what both end with.
 * Whole words, so that a mark can be read. Empty where they are the same. */
export function differing(text: string, other: string): [number, number] {
  if (text === other) return [0, 0];
  const shorter = Math.min(text.length, other.length);
  let start = 0;
  while (start < shorter && text[start] === other[start]) start += 1;
  let end = 0;
  while (end < shorter - start && text.at(-1 - end) === other.at(-1 - end)) end += 1;
  while (start > 0 && !isSpace(text[start - 1])) start -= 1;
  let last = text.length - end;
  while (last < text.length && !isSpace(text[last])) last += 1;
  return [start, last];
}

const isSpace = (char: string | undefined) => char !== undefined && /\s/.test(char);
