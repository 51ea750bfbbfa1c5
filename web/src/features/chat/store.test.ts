import { afterEach, expect, it, vi } from "vitest";

import { ask, get, useChat } from "./store";
import { saveTurnSettings, settingsOf } from "./turnSettings";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("a new chat keeps its settings and names its conversation though its first question is refused", async () => {
  // The instructions stayed with the chat that was no conversation yet: the second try went without.
  vi.useFakeTimers();
  vi.stubGlobal("sessionStorage", { getItem: () => null, setItem: () => undefined });
  const error = { message: "The model is away." };
  const fetched = vi.fn((path: string) =>
    Promise.resolve(
      path.endsWith("/turns") ? Response.json({ error }, { status: 400 }) : Response.json({ id: "c" }),
    ),
  );
  vi.stubGlobal("fetch", fetched);
  const { activeKey: key } = useChat.getState();
  const settings = { system: "Be brief." };
  saveTurnSettings(key, settings);
  expect(await ask(key, null, "hello", { model: null, settings })).toBe(false);
  const { conversationId, messages } = get(key);
  expect([conversationId, messages]).toEqual(["c", []]);
  expect(settingsOf("c")).toEqual(settings);
  expect(useChat.getState().changed).toMatchObject({ conversationId: "c", key });
});
