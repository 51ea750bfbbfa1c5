import { expect, it } from "vitest";

import { exportPath } from "../../api/transfer";
import { leafOnScreen } from "./leaf";
import { newMessage } from "./message";
import { useChat } from "./store";
import { asked, emptyThread, toMessage } from "./thread";

const stored = (id: string, parentId: string | null) =>
  newMessage(parentId === null ? "user" : "assistant", parentId, { id, serverId: `server-${id}` });

/** A question with two answers, the second on the screen. */
const thread = {
  ...emptyThread("k", "c"),
  load: "ready" as const,
  messages: [stored("q", null), stored("a1", "q"), stored("a2", "q")],
  headId: "a2",
};
const show = (now: typeof thread | ReturnType<typeof toMessage>) =>
  useChat.setState({ threads: { k: now }, activeKey: "k" });

it("exports the branch that a search has led to, not the one last chosen", () => {
  show(toMessage(thread, "a1"));
  expect(exportPath("c", "html", leafOnScreen("c"))).toBe(
    "/conversations/c/export?format=html&leaf=server-a1",
  );
});

it("leaves a conversation that is not open to the server", () => {
  show(thread);
  expect(exportPath("other", "html", leafOnScreen("other"))).toBe(
    "/conversations/other/export?format=html",
  );
});

it("ends with what the server has while a question is on its way to it", () => {
  show(asked(thread, "a2", "more", null).thread);
  expect(leafOnScreen("c")).toBe("server-a2");
});
