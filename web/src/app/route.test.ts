import { expect, it } from "vitest";

import { conversationIn, pathOf } from "./route";

it("reads what it writes", () => {
  expect(conversationIn(pathOf("0192ab"))).toBe("0192ab");
  expect(conversationIn(pathOf(null))).toBeNull();
});

it("takes nothing but an id out of the address", () => {
  for (const path of ["/app/c/", "/app/c/a/b", "/app/c/..%2f", "/app", "/c/a"]) {
    expect(conversationIn(path), path).toBeNull();
  }
});
