import { afterEach, expect, it, vi } from "vitest";

import { useToasts } from "../../ui/toast";
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

it("sends a change again that the server was not there for, and says why one was refused", async () => {
  // What the server had before came back with the next look at it, and nobody said so.
  vi.useFakeTimers();
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  const answer = vi.fn<(path: string, init: RequestInit) => Promise<Response>>();
  vi.stubGlobal("fetch", answer);
  answer.mockRejectedValueOnce(new TypeError("offline"));
  saveTurnSettings("d", { max_tokens: 7 });
  await vi.advanceTimersByTimeAsync(600);
  expect(answer).toHaveBeenCalledTimes(1);
  settingsLoaded("d", {}, settingsSerial("d"));
  expect(settingsOf("d")).toEqual({ max_tokens: 7 });

  answer.mockImplementation(() => Promise.resolve(Response.json({})));
  await vi.advanceTimersByTimeAsync(1000); // the page knocks, and somebody opens
  expect(answer.mock.lastCall?.[1].body).toBe(JSON.stringify({ settings: { max_tokens: 7 } }));
  settingsLoaded("d", { max_tokens: 9 }, settingsSerial("d"));
  expect(settingsOf("d")).toEqual({ max_tokens: 9 });

  const error = { message: "`system` is too long." };
  answer.mockImplementation(() => Promise.resolve(Response.json({ error }, { status: 400 })));
  saveTurnSettings("d", { system: "Long." });
  await vi.advanceTimersByTimeAsync(600);
  expect(useToasts.getState().toasts.map(({ text }) => text)).toEqual([
    "The settings could not be stored. `system` is too long.",
  ]);
  settingsLoaded("d", { max_tokens: 9 }, settingsSerial("d"));
  expect(settingsOf("d")).toEqual({ max_tokens: 9 });
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
