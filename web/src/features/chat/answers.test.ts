import { afterEach, expect, it, vi } from "vitest";

import { goOn, keep } from "./answers";
import { get, update, useChat, watchers } from "./store";
import {
  asked,
  askedAgain,
  emptyThread,
  ended,
  failed,
  find,
  started,
  streaming,
} from "./thread";

const turn = (id: string) => ({
  turn_id: `turn-${id}`,
  user_message_id: "question",
  assistant_message_id: id,
  offset: 0,
});

afterEach(() => vi.unstubAllGlobals());

it("keeping one of two answers stops the other, and waits until that has ended", async () => {
  // It was written on where nobody saw it: it could not be rated, and nothing new could be asked.
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  const fetched = vi.fn((_path: string) => Promise.resolve(Response.json({})));
  vi.stubGlobal("fetch", fetched);
  const { activeKey: key } = useChat.getState();
  const first = asked({ ...get(key), conversationId: "c" }, null, "hello", null);
  const second = askedAgain(first.thread, first.questionId, "other");
  const done = { type: "done", finish_reason: "stop", usage: null } as const;
  const pace = { speed: null, firstWord: null };
  update(key, () => {
    const both = started(started(second.thread, first.answerId, turn("a")), second.answerId, turn("b"));
    const thread = ended(both, first.answerId, { ...done, status: "complete" }, pace);
    return { ...thread, pair: [first.answerId, second.answerId] };
  });

  let over = false;
  const kept = keep(key, first.answerId).then(() => (over = true));
  await vi.waitFor(() => {
    expect(fetched.mock.calls.map(([path]) => path)).toContain("/conversations/c/turns/turn-b/cancel");
  });
  expect(over).toBe(false);
  update(key, (thread) => ended(thread, second.answerId, { ...done, status: "cancelled" }, pace));
  await kept;
  expect(streaming(get(key))).toBeUndefined();
  expect(get(key).headId).toBe(first.answerId);
  expect(find(get(key), second.answerId)?.status).toBe("cancelled");
});

it("asks to go on once, and tells other tabs that the answer is written again", async () => {
  // A second click was told off by the server; another tab offered to go on with what went on.
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  const posted: string[] = [];
  vi.stubGlobal("fetch", (path: string) => {
    if (path.includes("/events")) return new Promise<Response>(() => undefined);
    posted.push(path);
    return Promise.resolve(Response.json(turn("again")));
  });
  const { activeKey: key } = useChat.getState();
  const { thread, answerId } = asked({ ...emptyThread(key), conversationId: "e" }, null, "hello", null);
  update(key, () => failed(started(thread, answerId, turn("a")), answerId, { message: "away" }));
  const options = { model: null, settings: {} };
  await Promise.all([goOn(key, answerId, options), goOn(key, answerId, options)]);
  expect(posted).toEqual(["/conversations/e/turns"]);
  expect(useChat.getState().changed).toMatchObject({ conversationId: "e", key });
  watchers.stop(key);
});
