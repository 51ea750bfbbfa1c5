import { expect, it } from "vitest";

import { change } from "./change";

const form = { kind: "openai", url: " ", key: " ", forget: false, vision: null } as const;

it("leaves a stored key alone unless told otherwise", () => {
  expect(change(form)).toEqual({ kind: "openai", base_url: null, vision: null });
  expect(change({ ...form, key: " sk-1 " })).toMatchObject({ api_key: "sk-1" });
  expect(change({ ...form, key: "sk-1", forget: true })).toMatchObject({ api_key: null });
});
