import { afterEach, expect, it, vi } from "vitest";

import type { WireMessage } from "../../api/types";
import { useToasts } from "../../ui/toast";
import { ask } from "./asking";
import { forget, get, open, reload, useChat } from "./store";
import { saveTurnSettings, settingsOf } from "./turnSettings";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  useToasts.setState({ toasts: [] });
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

const wire = (id: string, role: "user" | "assistant", parent: string | null): WireMessage => ({
  id,
  parent_id: parent,
  role,
  content: id,
  status: "complete",
  model: null,
  created_at: 0,
  usage: null,
  finish_reason: null,
  error: null,
  turn_id: null,
  rating: null,
  steps: [],
  pictures: [],
});

const OLD = [wire("q", "user", null), wire("a", "assistant", "q")];
const NEW = [...OLD, wire("q2", "user", "a"), wire("a2", "assistant", "q2")];
const stored = (messages: WireMessage[]) =>
  Response.json({ id: "d", settings: {}, head_id: messages.at(-1)?.id, messages });
const DONE = { type: "done", status: "complete", finish_reason: "stop", usage: null };
const TURN = { turn_id: "t", user_message_id: "q2", assistant_message_id: "a2", offset: 0 };

it("does not take an exchange off the screen that a slow answer of the store lacks", async () => {
  // It was there and gone again; the next question then went without it, as a branch.
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  const lists: ((list: Response) => void)[] = [];
  vi.stubGlobal("fetch", (path: string) => {
    if (path.endsWith("/turns")) return Promise.resolve(Response.json(TURN));
    if (path.includes("/events")) {
      return Promise.resolve(new Response(`data: ${JSON.stringify(DONE)}\n\n`));
    }
    return new Promise<Response>((resolve) => lists.push(resolve));
  });
  open("d");
  const key = useChat.getState().activeKey;
  lists[0]?.(stored(OLD));
  await vi.waitFor(() => expect(get(key).load).toBe("ready"));

  const slow = reload(key);
  expect(await ask(key, "a", "q2", { model: null, settings: {} })).toBe(true);
  await vi.waitFor(() => expect(get(key).messages.at(-1)?.status).toBe("complete"));
  const { headId } = get(key);
  lists[1]?.(stored(OLD));
  await vi.waitFor(() => expect(lists).toHaveLength(3));
  expect(get(key).messages).toHaveLength(4);
  lists[2]?.(stored(NEW));
  await slow;
  expect(get(key).messages.map(({ serverId }) => serverId)).toEqual(["q", "a", "q2", "a2"]);
  expect(get(key).headId).toBe(headId);
});

it("says nothing of a question whose conversation was deleted while it was on its way", async () => {
  // A fault of the page's own was shown, and the text went into the draft of what was gone.
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  const asked: ((turn: Response) => void)[] = [];
  vi.stubGlobal("fetch", (path: string) =>
    path.endsWith("/turns")
      ? new Promise<Response>((resolve) => asked.push(resolve))
      : Promise.resolve(stored(OLD)),
  );
  open("f");
  const key = useChat.getState().activeKey;
  await vi.waitFor(() => expect(get(key).load).toBe("ready"));
  for (const response of [Response.json(TURN), Response.json({ error: {} }, { status: 404 })]) {
    open("f");
    const asking = ask("f", null, "hello", { model: null, settings: {} });
    await vi.waitFor(() => expect(get("f").messages.length).toBeGreaterThan(1));
    forget("f");
    asked.pop()?.(response);
    expect(await asking).toBe(true);
  }
  expect(useToasts.getState().toasts).toEqual([]);
});

it("lets go of chats that were looked at long ago, but of none that is being answered", async () => {
  // A tab that is never closed grew with every conversation that was opened in it.
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  const writing = { ...wire("w", "assistant", "q"), status: "streaming" as const };
  vi.stubGlobal("fetch", (path: string) => {
    const [, , id = ""] = path.split("/");
    const messages = id === "long-0" ? [...OLD, writing] : OLD;
    return Promise.resolve(Response.json({ id, settings: {}, head_id: "a", messages }));
  });
  for (let number = 0; number < 30; number += 1) {
    open(`long-${number}`);
    if (number === 29) open("long-5");
    await vi.waitFor(() => expect(get(useChat.getState().activeKey).load).toBe("ready"));
  }
  const { threads, activeKey } = useChat.getState();
  const kept = Object.keys(threads).filter((key) => key.startsWith("long-"));
  expect(activeKey).toBe("long-5");
  expect(kept).toHaveLength(22);
  expect(kept).toEqual(expect.arrayContaining(["long-0", "long-29", "long-5"]));
  expect(kept).not.toContain("long-6");
});
