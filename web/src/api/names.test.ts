import { expect, it } from "vitest";

import { shortName } from "./names";

it("calls a tuned model as its maker did", () => {
  expect(["ft:a:me:pirate:1", "ft:a:me::1", "org/name"].map(shortName)).toEqual([
    "pirate",
    "1",
    "org/name",
  ]);
});
