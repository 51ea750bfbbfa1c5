import { expect, it } from "vitest";

import { newMessage } from "./message";
import { countFor, firstShown, shownPart } from "./shown";
import { emptyThread } from "./thread";

const message = (id: string, parentId: string | null) => newMessage("user", parentId, { id });

/** a1 → a2 → … → a9, and beside a8 another version b8 with an answer b9. */
const chain = Array.from({ length: 9 }, (_, place) =>
  message(`a${place + 1}`, place === 0 ? null : `a${place}`),
);
const thread = {
  ...emptyThread("k"),
  messages: [...chain, message("b8", "a7"), message("b9", "b8"), message("x2", "a1")],
  headId: "a9",
};

it("draws the end of the branch, and what stands beside it", () => {
  const { thread: part, earlier, parentId } = shownPart(thread, 2);
  expect(part.messages.map(({ id }) => id)).toEqual(["a8", "a9", "b8", "b9"]);
  expect(part.messages.map((each) => each.parentId)).toEqual([null, "a8", null, "b8"]);
  expect([earlier, parentId]).toEqual([7, "a7"]);
});

it("draws a short conversation whole, as the same object", () => {
  expect(shownPart(thread, 12)).toEqual({ thread, earlier: 0, parentId: null });
  expect(shownPart(thread, 12).thread).toBe(thread);
});

it("hands out the same objects again, so that nothing is drawn twice", () => {
  const [first, again] = [shownPart(thread, 2), shownPart(thread, 2)];
  for (const [place, each] of first.thread.messages.entries()) {
    expect(again.thread.messages[place]).toBe(each);
  }
});

it("knows how far back a message is", () => {
  expect(shownPart(thread, countFor(thread, "a3")).thread.messages.map(({ id }) => id)).toContain(
    "a3",
  );
  expect(countFor(thread, "b9")).toBe(0);
});

/** Forty messages of one length. */
const said = (length: number) => ({
  ...thread,
  messages: Array.from({ length: 40 }, (_, place) =>
    newMessage("user", place === 0 ? null : `m${place - 1}`, {
      id: `m${place}`,
      content: "x".repeat(length),
    }),
  ),
  headId: "m39",
});

it("begins with what fills a screen: many short messages, few long ones", () => {
  expect(firstShown(said(20))).toBeGreaterThanOrEqual(16);
  expect(firstShown(said(400))).toBe(8);
  expect(firstShown(said(100_000))).toBe(2);
});
