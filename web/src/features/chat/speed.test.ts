import { expect, it } from "vitest";

import { SpeedClock } from "./speed";

const usage = { prompt_tokens: 1, completion_tokens: 20 };

it("does not count what was written before the page listened", () => {
  let now = 0;
  const clock = new SpeedClock(() => now);
  clock.heard("x".repeat(50));
  now = 2;
  clock.heard("x".repeat(50));
  expect(clock.tokensPerSecond(usage)).toBe(5);
});

it("claims nothing about an answer that came all at once", () => {
  const clock = new SpeedClock(() => 0);
  clock.heard("all of it");
  expect(clock.tokensPerSecond(usage)).toBeNull();
  expect(new SpeedClock().tokensPerSecond(usage)).toBeNull();
});
