import { expect, it } from "vitest";

import { differing } from "./differing";

function marked(text: string, other: string): string {
  return text.slice(...differing(text, other));
}

it("marks the words that differ, and nothing where nothing does", () => {
  expect(marked("Call [PHONE] now", "Call +1 415 555 2671 now")).toBe("[PHONE]");
  expect(marked("Call +1 415 555 2671 now", "Call [PHONE] now")).toBe("+1 415 555 2671");
  expect(marked("same", "same")).toBe("");
  expect(marked("a b", "")).toBe("a b");
  expect(marked("", "a b")).toBe("");
  expect(marked("aa", "aaa")).toBe("aa");
});

it("marks the white space that was taken away", () => {
  expect(marked("two  spaces", "two spaces")).toBe(" spaces");
});
