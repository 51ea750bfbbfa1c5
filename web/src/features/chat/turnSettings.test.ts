import { afterEach, expect, it, vi } from "vitest";

import { clean, saveTurnSettings, settingsLoaded, settingsOf, settingsSerial } from "./turnSettings";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("does not lose a change to an answer of the server that was asked for before it", async () => {
  vi.useFakeTimers();
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  const arrivals: ((response: Response) => void)[] = [];
  vi.stubGlobal("fetch", () => new Promise<Response>((resolve) => arrivals.push(resolve)));
  const old = settingsSerial("c");
  saveTurnSettings("c", { max_tokens: 7 });
  settingsLoaded("c", {}, settingsSerial("c")); // not sent yet
  vi.advanceTimersByTime(1000);
  settingsLoaded("c", {}, settingsSerial("c")); // on its way
  arrivals[0]?.(Response.json({}));
  await vi.advanceTimersByTimeAsync(0);
  settingsLoaded("c", {}, old); // asked for long ago
  expect(settingsOf("c")).toEqual({ max_tokens: 7 });
  settingsLoaded("c", { max_tokens: 9 }, settingsSerial("c"));
  expect(settingsOf("c")).toEqual({ max_tokens: 9 });
});

it("sends only what was set, within what the server takes", () => {
  expect(clean({})).toEqual({});
  expect(clean({ temperature: Number.NaN, max_tokens: 0, system: "  " })).toEqual({});
  expect(clean({ temperature: 9, max_tokens: 12.7, system: " Be kind. " })).toEqual({
    temperature: 2,
    max_tokens: 12,
    system: "Be kind.",
  });
});
