import { expect, it } from "vitest";

import { commandOf } from "./shortcuts";

const press = (key: string, held: Partial<KeyboardEvent> = {}, typing = false) =>
  commandOf(
    { key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...held },
    typing,
  );

it("knows its keys", () => {
  expect(press("k", { ctrlKey: true })).toBe("palette");
  expect(press("k", { metaKey: true }, true)).toBe("palette");
  expect(press("?", { shiftKey: true })).toBe("help");
  expect(press("/", { ctrlKey: true }, true)).toBe("help");
  expect(press("O", { ctrlKey: true, shiftKey: true })).toBe("new");
  expect(press("Escape")).toBe("stop");
});

it("leaves a slash and a question mark to whoever is typing one", () => {
  expect(press("/")).toBe("search");
  expect(press("/", {}, true)).toBeNull();
  expect(press("?", { shiftKey: true }, true)).toBeNull();
});

it("leaves the browser's own keys alone", () => {
  expect(press("o", { ctrlKey: true })).toBeNull();
  expect(press("k", { ctrlKey: true, shiftKey: true })).toBeNull();
  expect(press("k")).toBeNull();
});
