import { expect, it } from "vitest";

import { clean } from "./turnSettings";

it("sends only what was set, within what the server takes", () => {
  expect(clean({})).toEqual({});
  expect(clean({ temperature: Number.NaN, max_tokens: 0, system: "  " })).toEqual({});
  expect(clean({ temperature: 9, max_tokens: 12.7, system: " Be kind. " })).toEqual({
    temperature: 2,
    max_tokens: 12,
    system: "Be kind.",
  });
});
