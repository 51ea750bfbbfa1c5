import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { acceptToast, dismissToast, holdToast, showToast, useToasts } from "./toast";

beforeEach(() => vi.useFakeTimers());

afterEach(() => {
  vi.runAllTimers();
  vi.useRealTimers();
});

const texts = () => useToasts.getState().toasts.map(({ text }) => text);
const nothing = { label: "Undo", run: () => undefined };

it("says the same thing once", () => {
  showToast({ tone: "error", text: "no" });
  showToast({ tone: "error", text: "no" });
  expect(texts()).toEqual(["no"]);
});

it("keeps each of two offers that read the same: they undo different things", () => {
  const done: string[] = [];
  const offer = (name: string) =>
    showToast({ tone: "plain", text: "Deleted.", action: { ...nothing, run: () => done.push(name) } });
  const [first, second] = [offer("a"), offer("b")];
  expect(texts()).toEqual(["Deleted.", "Deleted."]);
  acceptToast(first);
  acceptToast(first); // a second click on its way
  acceptToast(second);
  expect(done).toEqual(["a", "b"]);
});

it("tells that an offer lapsed when its time is over or it was put away, but not when taken", () => {
  const lapsed: string[] = [];
  const offer = (name: string) =>
    showToast({
      tone: "plain",
      text: name,
      action: { ...nothing, onLapsed: () => lapsed.push(name) },
    });
  acceptToast(offer("taken"));
  dismissToast(offer("put away"));
  offer("left alone");
  expect(lapsed).toEqual(["put away"]);
  vi.advanceTimersByTime(6_000);
  expect(lapsed).toEqual(["put away", "left alone"]);
  expect(texts()).toEqual([]);
});

it("stays while it is held, and its whole time afterwards", () => {
  const release = holdToast(showToast({ tone: "plain", text: "read me slowly" }));
  vi.advanceTimersByTime(60_000);
  release();
  vi.advanceTimersByTime(5_999);
  expect(texts()).toEqual(["read me slowly"]);
  vi.advanceTimersByTime(1);
  expect(texts()).toEqual([]);
  release(); // too late: it does not come back
  expect(texts()).toEqual([]);
});
