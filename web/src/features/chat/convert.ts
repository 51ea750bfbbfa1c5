/** Our messages, as assistant-ui wants them. */

import { ExportedMessageRepository, type ThreadMessageLike } from "@assistant-ui/react";

import { split } from "./attachments/blocks";
import type { Message } from "./message";
import type { Thread } from "./thread";

type Exported = ExportedMessageRepository["messages"][number];

/** A message object never changes, so each is converted once however often the tree is. */
const converted = new WeakMap<Message, Exported>();

/** The whole tree, so that every branch can be reached; not only what is on the screen. */
export function toRepository(thread: Thread): ExportedMessageRepository {
  return { headId: thread.headId, messages: thread.messages.map(toExported) };
}

function toExported(message: Message): Exported {
  const known = converted.get(message);
  if (known) return known;
  const [exported] = ExportedMessageRepository.fromBranchableArray([
    { parentId: message.parentId, message: toThreadMessage(message) },
  ]).messages;
  if (exported === undefined) throw new Error("assistant-ui gave back no message");
  converted.set(message, exported);
  return exported;
}

function toThreadMessage(message: Message): ThreadMessageLike {
  const common = {
    id: message.id,
    content: [{ type: "text" as const, text: wordsOf(message) }],
    createdAt: new Date(message.createdAt * 1000),
    metadata: { custom: { message } },
  };
  if (message.role === "user") return { role: "user", ...common };
  if (message.role !== "assistant") return { role: "system", ...common };
  return { role: "assistant", status: statusOf(message), ...common };
}

/** What can be edited: of a question, what the person wrote. */
function wordsOf({ role, content }: Message): string {
  return role === "user" ? split(content).question : content;
}

function statusOf({ status }: Message): NonNullable<ThreadMessageLike["status"]> {
  if (status === "streaming") return { type: "running" };
  if (status === "complete") return { type: "complete", reason: "stop" };
  return { type: "incomplete", reason: status === "cancelled" ? "cancelled" : "error" };
}
