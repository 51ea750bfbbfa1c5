import { expect, it } from "vitest";

import { findWords } from "./found";

const marked = (text: string, query: string) =>
  findWords(text, query).map(([start, end]) => text.slice(start, end));

it("finds whole words, and the last as a beginning", () => {
  expect(marked("The café trains. Trained the fox-trot.", "the TRAI")).toEqual([
    "The",
    "trai",
    "Trai",
    "the",
  ]);
});

it("does not mind accents or what stands between words", () => {
  expect(marked("In the Café, señor", "cafe, SENOR")).toEqual(["Café", "señor"]);
  expect(marked("a.b c", "")).toEqual([]);
  expect(marked("a.b c", "…")).toEqual([]);
});
