import { describe, expect, it } from "vitest";

import type { ConversationWithMessages, WireMessage } from "../../api/types";
import * as Thread from "./thread";

const wire = (id: string, parent: string | null, fields: Partial<WireMessage> = {}) => ({
  id,
  parent_id: parent,
  role: parent === null ? ("user" as const) : ("assistant" as const),
  content: `text of ${id}`,
  status: "complete" as const,
  model: null,
  created_at: 0,
  usage: null,
  finish_reason: null,
  error: null,
  steps: [],
  pictures: [],
  ...fields,
});

const conversation = (messages: WireMessage[], headId: string | null = null) =>
  ({
    id: "c",
    title: "",
    pinned: false,
    archived: false,
    folder: "",
    head_id: headId,
    created_at: 0,
    updated_at: 0,
    settings: {},
    messages,
  }) satisfies ConversationWithMessages;

const TURN = {
  turn_id: "t",
  user_message_id: "server-q",
  assistant_message_id: "server-a",
  offset: 0,
};
const PACE = { speed: null, firstWord: null };
const DONE = {
  type: "done",
  status: "complete",
  finish_reason: "stop",
  usage: { prompt_tokens: 1, completion_tokens: 2 },
} as const;

describe("asking", () => {
  it("shows question and answer at once, streams into the answer, and ends it", () => {
    const { thread, questionId, answerId } = Thread.asked(Thread.emptyThread("k"), null, "Hi", "m");
    expect(thread.headId).toBe(answerId);
    let now = Thread.started(thread, answerId, TURN);
    expect(Thread.find(now, questionId)?.serverId).toBe("server-q");
    expect(Thread.streaming(now)?.turnId).toBe("t");
    now = Thread.appended(Thread.appended(now, answerId, "Hel"), answerId, "lo");
    now = Thread.ended(now, answerId, DONE, { speed: 7, firstWord: 0.5 });
    expect(Thread.find(now, answerId)).toMatchObject({
      content: "Hello",
      status: "complete",
      turnId: null,
      speed: 7,
    });
    expect(Thread.streaming(now)).toBeUndefined();
  });

  it("leaves no trace of a turn the server refused", () => {
    const before = Thread.loaded(
      Thread.emptyThread("k", "c"),
      conversation([wire("q", null), wire("a", "q")]),
    );
    const { thread, questionId, answerId } = Thread.asked(before, "a", "more", null);
    const after = Thread.withdrawn(thread, [questionId, answerId], before.headId);
    expect(after.messages).toEqual(before.messages);
    expect(after.headId).toBe("a");
  });

  it("keeps what was written when an answer fails", () => {
    const { thread, answerId } = Thread.asked(Thread.emptyThread("k"), null, "Hi", null);
    const error = { message: "It broke." };
    const now = Thread.ended(
      Thread.appended(thread, answerId, "Half"),
      answerId,
      { type: "error", error },
      PACE,
    );
    expect(Thread.find(now, answerId)).toMatchObject({ content: "Half", status: "error", error });
  });
});

describe("an answer that goes on", () => {
  it("begins where the server's text ends, which may be before what was seen", () => {
    const { thread, answerId } = Thread.asked(Thread.emptyThread("k"), null, "Hi", null);
    const seen = Thread.appended(thread, answerId, "🦊 one two");
    const now = Thread.resumed(seen, answerId, { ...TURN, offset: 5 });
    expect(Thread.find(now, answerId)).toMatchObject({ content: "🦊 one", status: "streaming" });
  });
});

describe("loading", () => {
  it("opens the branch that the store calls head, down to its newest leaf", () => {
    const messages = [wire("q", null), wire("a1", "q"), wire("a2", "q")];
    const thread = Thread.emptyThread("k", "c");
    expect(Thread.loaded(thread, conversation(messages, "a1")).headId).toBe("a1");
    expect(Thread.loaded(thread, conversation(messages, "q")).headId).toBe("a2");
    expect(Thread.loaded(thread, conversation(messages)).headId).toBe("a2");
    expect(Thread.loaded(thread, conversation([])).headId).toBe(null);
  });

  it("keeps the page's ids, so that nothing on the screen jumps", () => {
    const asked = Thread.asked(Thread.emptyThread("k"), null, "Hi", null);
    const before = Thread.started(asked.thread, asked.answerId, TURN);
    const after = Thread.loaded(
      before,
      conversation([wire("server-q", null), wire("server-a", "server-q")], "server-a"),
    );
    expect(after.messages.map(({ id }) => id)).toEqual([asked.questionId, asked.answerId]);
    expect(after.messages[1]?.parentId).toBe(asked.questionId);
    expect(after.headId).toBe(asked.answerId);
  });

  it("shows an answer that is still being written as such", () => {
    const messages = [wire("q", null), wire("a", "q", { status: "streaming", turn_id: "t" })];
    const thread = Thread.loaded(Thread.emptyThread("k", "c"), conversation(messages));
    expect(Thread.streaming(thread)).toMatchObject({ id: "a", turnId: "t" });
  });
});

/** What is on the screen of "one two three" once the stored answer has been loaded. */
const seen = (content: string, status: WireMessage["status"]) => {
  const { thread, answerId } = Thread.asked(Thread.emptyThread("k"), null, "Hi", "m");
  const told = Thread.appended(Thread.started(thread, answerId, TURN), answerId, "one two three");
  const messages = [wire("server-q", null), wire("server-a", "server-q", { content, status })];
  return Thread.find(Thread.loaded(told, conversation(messages)), answerId)?.content;
};

describe("an answer that the server could not store whole", () => {
  it("stays on the screen as far as it was seen", () => {
    expect(seen("one", "interrupted")).toBe("one two three");
    expect(seen("", "interrupted")).toBe("one two three");
  });

  it("gives way to what is stored where that is whole, longer or different", () => {
    expect(seen("one two", "complete")).toBe("one two");
    expect(seen("one two three four", "interrupted")).toBe("one two three four");
    expect(seen("other", "interrupted")).toBe("other");
  });
});
