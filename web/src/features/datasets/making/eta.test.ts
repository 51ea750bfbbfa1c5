import { expect, it } from "vitest";

import type { Preparation } from "../../../api/preparations";
import { rejectedSoFar, secondsLeft, share, stepFacts, stepState } from "./eta";

const step = (name: string, done: number, total: number | null) => ({
  name,
  done,
  total,
  began: 100,
  ended: null,
});

const preparation = (status: Preparation["status"], ...names: string[]): Preparation => ({
  id: "p",
  name: "talk",
  sources: [],
  status,
  began: 100,
  ended: null,
  now: 101,
  steps: names.map((name) => step(name, 1, 2)),
  reports: {},
  error: null,
});

it("says which steps are done, running, waiting and were never needed", () => {
  const running = preparation("running", "clean", "split");
  expect(stepState(running, "clean")).toBe("done");
  expect(stepState(running, "split")).toBe("running");
  expect(stepState(running, "write")).toBe("waiting");
  expect(stepState(preparation("running", "clean", "write"), "split")).toBe("skipped");
  expect(stepState(preparation("finished", "clean", "write"), "write")).toBe("done");
  expect(stepState(preparation("failed", "clean"), "clean")).toBe("stopped");
});

it("foresees the end from the pace so far, and only when there is one", () => {
  expect(secondsLeft(step("clean", 25, 100), 110)).toBe(30);
  expect(secondsLeft(step("clean", 0, 100), 110)).toBeNull();
  expect(secondsLeft(step("clean", 25, null), 110)).toBeNull();
  expect(secondsLeft(step("clean", 25, 100), 100.5)).toBeNull();
  expect(secondsLeft(step("clean", 100, 100), 110)).toBeNull();
});

it("never shows more than everything", () => {
  expect(share(step("clean", 120, 100))).toBe(1);
  expect(share(step("clean", 0, 0))).toBeNull();
});

it("knows what was left out once the split has said so", () => {
  expect(rejectedSoFar({})).toBeNull();
  expect(rejectedSoFar({ split: { counts: { rejected: 4 } } })).toBe(4);
});

it("takes a few numbers from the steps' own reports, and none that is nothing", () => {
  const clean = { rows: 9, stages: { clean: { changed: 2 }, personal_data: { changed: 0 } } };
  const split = { counts: { train: 5, validation: 1, rejected: 3 } };
  expect(stepFacts({ clean }, "clean")).toEqual({ read: 9, changed: 2 });
  expect(stepFacts({ split }, "split")).toEqual({ heldOut: 1, leftOut: 3 });
  expect(stepFacts({ augment: { varied_requests: 4 } }, "augment")).toEqual({ varied: 4 });
  expect(stepFacts({}, "write")).toEqual({});
});
