import { expect, it } from "vitest";

import { runsOf } from "./runs";

const token = (text: string, learnt: boolean) => ({ id: 1, text, learnt, special: false });

it("joins neighbours and loses none", () => {
  const tokens = [token("a", false), token("b", true), token("c", true), token("d", false)];
  const runs = runsOf(tokens);
  expect(runs.map(({ start, learnt }) => [start, learnt])).toEqual([
    [0, false],
    [1, true],
    [3, false],
  ]);
  expect(runs.flatMap((run) => run.tokens)).toEqual(tokens);
  expect(runsOf([])).toEqual([]);
});
