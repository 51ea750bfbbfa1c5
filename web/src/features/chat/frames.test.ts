import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { FrameBatch } from "./frames";

let frames: (() => void)[] = [];

beforeEach(() => {
  frames = [];
  vi.stubGlobal("document", { visibilityState: "visible" });
  vi.stubGlobal("requestAnimationFrame", (run: () => void) => frames.push(run));
  vi.stubGlobal("cancelAnimationFrame", () => frames.pop());
});

afterEach(() => vi.unstubAllGlobals());

it("hands on once a frame whatever came in between", () => {
  const got: string[] = [];
  const batch = new FrameBatch((text) => got.push(text));
  for (const piece of ["a", "b", "c"]) batch.add(piece);
  expect(frames).toHaveLength(1);
  frames[0]?.();
  expect(got).toEqual(["abc"]);
});

it("loses nothing when the answer ends between two frames", () => {
  const got: string[] = [];
  const batch = new FrameBatch((text) => got.push(text));
  batch.add("rest");
  batch.flush();
  batch.flush();
  expect(got).toEqual(["rest"]);
  expect(frames).toHaveLength(0);
});
