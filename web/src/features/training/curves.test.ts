import { expect, it } from "vitest";

import type { JobEvent } from "../../api/training";
import { NO_CURVES, aligned, columnsOf, least, smooth, spread, withEvents } from "./curves";

const told = (data: Record<string, number> | null, type: JobEvent["type"] = "metrics"): JobEvent => ({
  id: "ftevent-1",
  created_at: 0,
  level: "info",
  message: "",
  type,
  data,
});

it("puts a step's numbers together, whenever they are told", () => {
  const curves = withEvents(NO_CURVES, [
    told({ step: 2, total_steps: 9, train_loss: 3 }),
    told({ step: 1, total_steps: 9, train_loss: 4 }),
    told({ step: 2, total_steps: 9, valid_loss: 5 }),
  ]);
  const columns = columnsOf(curves);
  expect(columns.steps).toEqual([1, 2]);
  expect(columns.of("train_loss")).toEqual([4, 3]);
  expect(columns.of("valid_loss")).toEqual([null, 5]);
  expect(columns.last("train_loss")).toBe(3);
  expect(columns.has("accuracy")).toBe(false);
  expect(curves.total).toBe(9);
});

it("takes a step that a resumed run did again from the second time", () => {
  const first = withEvents(NO_CURVES, [told({ step: 1, train_loss: 4 })]);
  const second = withEvents(first, [told({ step: 1, train_loss: 2 })]);
  expect(columnsOf(second).of("train_loss")).toEqual([2]);
  expect(columnsOf(first).of("train_loss")).toEqual([4]);
});

it("learns the number of steps from the plan, and changes nothing otherwise", () => {
  expect(withEvents(NO_CURVES, [told({ total_steps: 7 }, "message")]).total).toBe(7);
  expect(withEvents(NO_CURVES, [told(null, "message")])).toBe(NO_CURVES);
});

it("leaves out what was measured before the first step, unless it is asked for", () => {
  const curves = withEvents(NO_CURVES, [told({ step: 0, valid_perplexity: 9 })]);
  expect(columnsOf(curves).steps).toEqual([]);
  expect(columnsOf(curves, 0).first("valid_perplexity")).toBe(9);
});

it("smooths long curves and leaves short ones alone", () => {
  expect(smooth([4, null, 2])).toEqual([4, null, 2]);
  const long = smooth(Array.from({ length: 200 }, (_, index) => index % 2));
  expect(long.at(-1)).toBeGreaterThan(0.4);
  expect(long.at(-1)).toBeLessThan(0.6);
});

it("spreads a few lines over many steps", () => {
  expect(spread(3, 5)).toEqual([0, 1, 2]);
  expect(spread(101, 5)).toEqual([0, 25, 50, 75, 100]);
});

it("lays runs of different steps over each other", () => {
  const one = columnsOf(withEvents(NO_CURVES, [told({ step: 1, a: 1 }), told({ step: 3, a: 3 })]));
  const two = columnsOf(withEvents(NO_CURVES, [told({ step: 2, a: 2 })]));
  expect(aligned([one, two], "a")).toEqual({
    steps: [1, 2, 3],
    values: [
      [1, null, 3],
      [null, 2, null],
    ],
  });
  expect(least([null, 3, 2])).toBe(2);
  expect(least([null])).toBeNull();
});
