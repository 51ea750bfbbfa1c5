import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { FrameBatch } from "./frames";

let frames = new Map<number, () => void>();
let made = 0;

beforeEach(() => {
  frames = new Map();
  vi.useFakeTimers();
  vi.stubGlobal("document", { visibilityState: "visible" });
  vi.stubGlobal("requestAnimationFrame", (run: () => void) => {
    frames.set(++made, run);
    return made;
  });
  vi.stubGlobal("cancelAnimationFrame", (frame: number) => frames.delete(frame));
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** The next frame comes after so many milliseconds. */
function frameAfter(ms: number): void {
  vi.advanceTimersByTime(ms);
  const due = [...frames.values()];
  frames.clear();
  for (const run of due) run();
}

it("hands on once a frame whatever came in between", () => {
  const got: string[] = [];
  const batch = new FrameBatch((text) => got.push(text));
  for (const piece of ["a", "b", "c"]) batch.add(piece);
  expect(frames.size).toBe(1);
  frameAfter(16);
  expect(got).toEqual(["abc"]);
});

it("hands the first piece on at once, and no more than 25 a second", () => {
  const got: string[] = [];
  const batch = new FrameBatch((text) => got.push(text));
  let drawn = 0;
  for (let passed = 0; passed < 1_000; passed += 10) {
    batch.add(".");
    frameAfter(10);
    if (passed === 0) drawn = got.length;
  }
  expect(drawn).toBe(1);
  expect(got.length).toBeGreaterThanOrEqual(18);
  expect(got.length).toBeLessThanOrEqual(25);
});

it("loses nothing when the answer ends between two frames", () => {
  const got: string[] = [];
  const batch = new FrameBatch((text) => got.push(text));
  batch.add("rest");
  batch.flush();
  batch.flush();
  expect(got).toEqual(["rest"]);
  frameAfter(16);
  expect(got).toEqual(["rest"]);
});

it("leaves a page whose frames are late as much time as drawing takes", () => {
  const got: string[] = [];
  const batch = new FrameBatch((text) => got.push(text));
  batch.add("slow ");
  frameAfter(16);
  frameAfter(80); // drawing it took that long
  batch.add("to ");
  batch.add("draw");
  frameAfter(60);
  expect(got).toEqual(["slow "]);
  vi.advanceTimersByTime(20);
  frameAfter(16);
  expect(got).toEqual(["slow ", "to draw"]);
  frameAfter(10); // quick again
  batch.add("!");
  vi.advanceTimersByTime(30);
  frameAfter(16);
  expect(got).toEqual(["slow ", "to draw", "!"]);
});

it("an end is not held back by a late frame", () => {
  const got: string[] = [];
  const batch = new FrameBatch((text) => got.push(text));
  batch.add("a");
  frameAfter(16);
  frameAfter(200);
  batch.add("b");
  batch.flush();
  frameAfter(300);
  expect(got).toEqual(["a", "b"]);
});

it("forgets what is waiting when somebody else tells it", () => {
  // A follower that was replaced handed on its last pieces, which the next one told as well.
  const got: string[] = [];
  const batch = new FrameBatch((text) => got.push(text));
  batch.add("a");
  batch.drop();
  frameAfter(16);
  expect(got).toEqual([]);
  batch.add("b");
  frameAfter(16);
  expect(got).toEqual(["b"]);
});
