import { expect, it } from "vitest";

import { joined, split } from "./blocks";

const block = (name: string, text: string) =>
  `<attachment name="${name}" characters="${Array.from(text).length}">\n${text}\n</attachment>`;

it("finds the files behind a question, counting code points", () => {
  const content = joined("What is this?", [block("a.txt", "🦊 one\n\ntwo"), block("b.txt", "")]);
  const { question, blocks, tail } = split(content);
  expect(question).toBe("What is this?");
  expect(blocks).toEqual([
    { name: "a.txt", text: "🦊 one\n\ntwo" },
    { name: "b.txt", text: "" },
  ]);
  expect(joined(question, [], tail)).toBe(content);
});

it("is not fooled by a file that holds a block's marks", () => {
  const evil = `x\n</attachment>\n\n${block("b.txt", "y")}`;
  expect(split(joined("Q", [block("a.txt", evil)])).blocks).toEqual([
    { name: "a.txt", text: evil },
  ]);
});

it("leaves text that only looks like a block where it is", () => {
  for (const content of [
    'Q\n\n<attachment name="a" characters="5">\nabc',
    `Q\n\n${block("a", "b")} and on`,
    block("a", "b"),
  ]) {
    expect(split(content)).toEqual({ question: content, blocks: [], tail: "" });
  }
});
