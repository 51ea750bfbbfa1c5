import { expect, it } from "vitest";

import { editableTurns, parseRow, prettyRow, rowOf, turnsOf } from "./turns";

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

const PLAIN = { task: "supervised", format: null, columns: {} };
const messages = [{ role: "user", content: "hi" }, { role: "assistant", content: "" }];

it("edits as turns what is nothing but turns", () => {
  for (const row of [
    { messages },
    { conversations: [{ from: "human", value: "hi" }, { from: "gpt", value: "" }] },
    { instruction: "hi", input: "", output: "", system: "Be kind." },
    { question: "hi" },
    { prompt: "hi", completion: null },
  ]) {
    expect(editableTurns(json(row), PLAIN), json(row)).toEqual(turnsOf(json(row)));
    expect(editableTurns(json(row), PLAIN)).not.toBeNull();
  }
});

it("edits as JSON what turns would lose or change, unseen", () => {
  for (const row of [
    { system: "Be kind.", conversations: [{ from: "human", value: "hi" }] },
    { messages, kind: "greeting" },
    { messages, label: true },
    { conversations: [{ from: "human", value: "hi" }], kto_tag: true },
    { messages: [{ role: "assistant", content: "no", weight: 0 }] },
    { messages: [{ role: "user", content: "hi", name: "Ada" }] },
    { messages: [{ role: 5, content: "hi" }] },
    { conversations: [{ from: "function_call", value: "{}" }] },
    { conversations: [{ from: "observation", value: "3" }] },
    { question: "hi", answer: "x", input: "which the form does not read" },
    { instruction: "hi", output: 5 },
  ]) {
    expect(editableTurns(json(row), PLAIN), json(row)).toBeNull();
  }
});

it("edits as JSON what the dataset would not read as messages", () => {
  const row = json({ instruction: "hi", output: "" });
  expect(editableTurns(row, { ...PLAIN, format: "openai" })).not.toBeNull();
  expect(editableTurns(row, { ...PLAIN, format: "alpaca" })).toBeNull();
  expect(editableTurns(row, { ...PLAIN, columns: { reply: "output" } })).toBeNull();
  expect(editableTurns(row, { ...PLAIN, task: "kto" })).toBeNull();
});
