/** The message that a search led to: shown on its branch, with the words marked. */

import { create } from "zustand";

interface Found {
  conversationId: string;
  /** Null: only the title has the words. */
  messageId: string | null;
  query: string;
  /** Grows, so that the same place can be asked for again. */
  serial: number;
}

export const useFound = create<{ found: Found | null }>(() => ({ found: null }));

export function showFound(conversationId: string, messageId: string | null, query: string): void {
  useFound.setState(({ found }) => ({
    found: { conversationId, messageId, query, serial: (found?.serial ?? 0) + 1 },
  }));
}

export function forgetFound(): void {
  if (useFound.getState().found !== null) useFound.setState({ found: null });
}

const WORD = /[\p{L}\p{N}]+/gu;
const MARKS = /\p{M}/gu;

const fold = (word: string) => word.normalize("NFD").replaceAll(MARKS, "").toLowerCase();

/** Where the words of a query stand in a text, as the server finds them; the last as a beginning,
 * unless it is a single letter. */
export function findWords(text: string, query: string): [number, number][] {
  const words = [...query.matchAll(WORD)].map(([word]) => fold(word));
  const last = words.at(-1);
  if (last === undefined) return [];
  const whole = new Set(words);
  const begins = last.length > 1 || last > "\u007F";
  const places: [number, number][] = [];
  for (const { 0: word, index } of text.matchAll(WORD)) {
    const folded = fold(word);
    if (whole.has(folded)) places.push([index, index + word.length]);
    else if (begins && folded.startsWith(last)) {
      const length = folded.length === word.length ? last.length : word.length;
      places.push([index, index + length]);
    }
  }
  return places;
}

const NAME = "found";

/** Mark the words in what is drawn, without touching it: the browser paints over the text. */
export function paintWords(root: Element | null, query: string): void {
  if (!("highlights" in CSS)) return;
  CSS.highlights.delete(NAME);
  if (root === null || query === "") return;
  const ranges: Range[] = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    for (const [start, end] of findWords(node.nodeValue ?? "", query)) {
      const range = document.createRange();
      range.setStart(node, start);
      range.setEnd(node, end);
      ranges.push(range);
    }
  }
  if (ranges.length > 0) CSS.highlights.set(NAME, new Highlight(...ranges));
}
