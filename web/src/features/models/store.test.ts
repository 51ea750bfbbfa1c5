import { expect, it } from "vitest";

import { formatContext } from "./format";
import { currentModel } from "./store";

const model = (id: string, isDefault = false) => ({
  id,
  owned_by: "me",
  context: 0,
  default: isDefault,
  parent: null,
  mini_claude: { bytes: null, parameters: null, adapter: false, continues: false, sees: false },
});

it("falls back to the default when the remembered model is gone", () => {
  const models = [model("a"), model("b", true)];
  expect(currentModel({ models, chosen: "a" })?.id).toBe("a");
  expect(currentModel({ models, chosen: "gone" })?.id).toBe("b");
  expect(currentModel({ models: [], chosen: "a" })).toBeNull();
});

it("writes context lengths as people say them", () => {
  expect([512, 2048, 131_072].map(formatContext)).toEqual(["512 tokens", "2k", "128k"]);
});
