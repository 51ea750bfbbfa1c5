import { expect, it } from "vitest";

import { parseRow, prettyRow, rowOf, turnsOf } from "./turns";

const json = JSON.stringify;
const asked = { role: "user", text: "hi" };

it("reads the usual forms as turns", () => {
  const messages = [{ role: "user", content: "hi" }, { role: "assistant", content: "" }];
  const answered = [asked, { role: "assistant", text: "" }];
  expect(turnsOf(json({ messages }))).toEqual(answered);
  const conversations = [{ from: "human", value: "hi" }, { from: "gpt", value: "" }];
  expect(turnsOf(json({ conversations }))).toEqual(answered);
  expect(turnsOf(json({ instruction: "hi", output: "" }))).toEqual(answered);
  expect(turnsOf(json({ question: "hi" }))).toEqual(answered);
  expect(turnsOf(json({ instruction: "hi", input: "there", output: "x" }))?.[0]?.text).toBe(
    "hi\n\nthere",
  );
});

it("names a speaker that nobody knows as the row does: it may be why the row was left out", () => {
  const messages = [{ role: "gardener", content: "hi" }, { role: "constructor", content: "" }];
  expect(turnsOf(json({ messages }))?.map(({ role }) => role)).toEqual(["gardener", "constructor"]);
  expect(turnsOf(json({ messages: [{ content: "hi" }] }))).toEqual([asked]);
});

it("leaves alone what turns would lose", () => {
  const call = { role: "assistant", content: "", tool_calls: [] };
  for (const row of [
    { messages: [call] },
    { messages: [{ role: "user", content: [{ type: "text" }] }] },
    { messages: [{ role: "user", content: "a" }], tools: [] },
    { messages: [], chosen: [], rejected: [] },
    { prompt: "a", completion: "b", label: true },
    { text: "plain" },
    { x: 1 },
  ]) {
    expect(turnsOf(json(row)), json(row)).toBeNull();
  }
  expect(turnsOf("not json")).toBeNull();
  expect(turnsOf("[1]")).toBeNull();
});

it("writes turns as messages, and JSON so that it can be read", () => {
  expect(rowOf([asked])).toEqual({ messages: [{ role: "user", content: "hi" }] });
  expect(parseRow(prettyRow('{"a":1}'))).toEqual({ a: 1 });
  expect(prettyRow('{"a":')).toBe('{"a":');
});
