import { expect, it } from "vitest";

import { arc, lengthLabels, onRing, ribbon } from "./shapes";

it("fills the ribbon exactly, and shows one row among a million", () => {
  const bars = ribbon([1_000_000, 0, 1], 800);
  expect(bars[1]?.width).toBe(0);
  expect(bars[2]?.width).toBeGreaterThan(3);
  expect((bars[2]?.x ?? 0) + (bars[2]?.width ?? 0)).toBeCloseTo(800);
  expect(ribbon([0, 0], 800).every(({ width }) => width === 0)).toBe(true);
});

it("names the bars by what is in them", () => {
  expect(lengthLabels([1, 2, 5, 1000], String)).toEqual(["1", "2–4", "5–999", "1000+"]);
});

it("draws no more than the whole ring", () => {
  expect(arc(7, 40, 50)).toBe(arc(1, 40, 50));
  expect(arc(0.5, 40, 50)).toContain(" 0 0 1 ");
  expect(arc(0.9, 40, 50)).toContain(" 0 1 1 ");
  expect(onRing(0.5, 40, 50)).toEqual([50, 10]);
});
