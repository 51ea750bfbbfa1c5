import { expect, it } from "vitest";

import { formatBytes, formatDuration } from "./units";

it("sizes stay short", () => {
  expect([0, 999, 1000, 15_400, 999_600, 2_500_000_000].map(formatBytes)).toEqual([
    "0 B",
    "999 B",
    "1 kB",
    "15.4 kB",
    "1 MB",
    "2.5 GB",
  ]);
});

it("durations have two units at most", () => {
  expect([0, 12.4, 200, 7500, -3].map(formatDuration)).toEqual([
    "0 s",
    "12 s",
    "3 min 20 s",
    "2 h 05 min",
    "0 s",
  ]);
});
