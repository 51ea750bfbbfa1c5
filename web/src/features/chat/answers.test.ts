import { afterEach, expect, it, vi } from "vitest";

import { keep } from "./answers";
import { get, update, useChat } from "./store";
import { asked, askedAgain, ended, find, started, streaming } from "./thread";

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
