import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { discardFixes, dropMade, keepFix, loadFixes, markSent, useFixes } from "./fixes";

const row = (text: string) => ({ text });
const numbers = () => useFixes.getState().fixes.map(({ number }) => number);

/** A server whose one preparation stands so. */
function serve(status: string) {
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ data: [{ id: "prep-1", status }] })));
}

beforeEach(() => {
  const kept = new Map<string, string>();
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  vi.stubGlobal("localStorage", {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, text: string) => kept.set(name, text),
    removeItem: (name: string) => kept.delete(name),
  });
  useFixes.setState({ name: "", fixes: [] });
});
afterEach(() => vi.unstubAllGlobals());

function send() {
  loadFixes("talk");
  keepFix("talk", { number: 1, row: row("one") });
  keepFix("talk", { number: 2, row: row("two") });
  markSent("talk", useFixes.getState().fixes, "prep-1");
}

it.each(["running", "failed", "cancelled"])(
  "keeps what was mended by hand while the version is %s",
  async (status) => {
    // It was dropped when the version began, and lost when that came to nothing.
    send();
    serve(status);
    await dropMade("talk");
    expect(numbers()).toEqual([1, 2]);
  },
);

it("drops what is in the version, and not what was mended meanwhile", async () => {
  send();
  keepFix("talk", { number: 2, row: row("two, anew") });
  keepFix("talk", { number: 3, row: row("three") });
  serve("finished");
  await dropMade("talk");
  expect(numbers()).toEqual([2, 3]);
});

it("drops from the dataset that was meant, though another is on the screen", async () => {
  send();
  loadFixes("other");
  keepFix("other", { number: 1, row: row("another") });
  serve("finished");
  await dropMade("talk");
  expect(numbers()).toEqual([1]);
  loadFixes("talk");
  expect(numbers()).toEqual([]);
});

it("asks no server where nothing was sent, and discards when told to", async () => {
  loadFixes("talk");
  keepFix("talk", { number: 1, row: row("one") });
  vi.stubGlobal("fetch", () => Promise.reject(new Error("asked")));
  await dropMade("talk");
  expect(numbers()).toEqual([1]);
  discardFixes("talk");
  expect(numbers()).toEqual([]);
});
