import { expect, it } from "vitest";

import { doubt, pieces } from "./tokens";

const choice = (offset: number, token: string, p = 0.5) => ({
  offset,
  token,
  logprob: Math.log(p),
  top: [],
});

it("cuts an answer at its tokens and loses nothing", () => {
  const tokens = [choice(0, "A 🦊"), choice(3, " runs"), choice(8, ".")];
  expect(pieces("A 🦊 runs.", tokens).map(({ text }) => text)).toEqual(["A 🦊", " runs", "."]);
});

it("keeps text that nobody weighed: before a part that went on, and beyond the bound", () => {
  const told = pieces("old new rest", [choice(4, "new")]);
  expect(told.map(({ text, choice: known }) => [text, known !== null])).toEqual([
    ["old ", false],
    ["new", true],
    [" rest", false],
  ]);
  expect(pieces("all", []).map(({ text }) => text).join("")).toBe("all");
});

it("draws one character made of two tokens once", () => {
  const half = { ...choice(0, "\uFFFD"), offset: 0 };
  const told = pieces("é!", [half, choice(0, "\uFFFD"), choice(1, "!")]);
  expect(told.map(({ text }) => text).join("")).toBe("é!");
});

it("tints by probability", () => {
  expect([1, 0.7, 0.4, 0.2, 0.01].map((p) => doubt(Math.log(p)))).toEqual([0, 1, 2, 3, 4]);
});
