import { expect, it } from "vitest";

import { inShort, indented, parts } from "./steps";

const step = (offset: number) => ({
  id: `c${offset}`,
  name: "calculator",
  arguments: '{"expression": "37 + 48"}',
  status: "done" as const,
  result: "85",
  offset,
});

it("puts each call where it was made, counting code points", () => {
  const told = parts({ content: "🦊 Let me see. It is 85.", steps: [step(13), step(13)] });
  expect(told.map((part) => (part.kind === "text" ? part.text : "call"))).toEqual([
    "🦊 Let me see.",
    "call",
    "call",
    " It is 85.",
  ]);
});

it("draws no empty text before a call that comes first", () => {
  expect(parts({ content: "", steps: [step(0)] }).map(({ kind }) => kind)).toEqual(["step"]);
});

it("says arguments in short, whatever the model wrote", () => {
  expect(inShort('{"expression": "37 + 48"}')).toBe("37 + 48");
  expect(inShort('{"a": 1, "b": 2}')).toBe('{"a": 1, "b": 2}');
  expect(inShort("{}")).toBe("");
  expect(inShort("{broken")).toBe("{broken");
  expect(inShort(`{"a": "${"x".repeat(99)}"}`)).toHaveLength(61);
});

it("indents arguments, but not those that would become megabytes of blanks", () => {
  expect(indented('{"a": [1]}')).toBe('{\n  "a": [\n    1\n  ]\n}');
  expect(indented("{broken")).toBe("{broken");
  const deep = "[".repeat(4_000) + "]".repeat(4_000); // 32 MB, at every frame of an answer
  expect(indented(deep).length).toBe(deep.length);
  const long = JSON.stringify({ text: "x".repeat(100_000) });
  expect(indented(long).length).toBeGreaterThan(long.length);
});
