import {
  type AppendMessage,
  AssistantRuntimeProvider,
  type ThreadMessage,
  useExternalStoreRuntime,
} from "@assistant-ui/react";
import { type ReactNode, useMemo } from "react";

import { toRepository } from "./convert";
import { saveDraft } from "./drafts";
import { joined, split } from "./attachments/blocks";
import { giveBack, take } from "./attachments/store";
import { askBoth } from "./answers";
import { ask, askAgain, showBranch, stop } from "./store";
import type { Shown } from "./shown";
import { type Thread, find, streaming } from "./thread";
import { useTurnSettings } from "./turnSettings";

const textOf = (message: AppendMessage) =>
  message.content.map((part) => (part.type === "text" ? part.text : "")).join("");

/** Stands between our store and assistant-ui: it is told the tree and tells us what was clicked. */
export function ChatRuntime({
  thread,
  shown,
  model,
  rival,
  onRefused,
  children,
}: {
  thread: Thread;
  /** The part of it that is drawn. */
  shown: Shown;
  model: string | null;
  /** A second model that answers beside it. */
  rival: string | null;
  /** The server would not take this text: put it back where it was typed. */
  onRefused: (text: string) => void;
  children: ReactNode;
}) {
  const { key } = thread;
  const settings = useTurnSettings(thread.conversationId ?? key);
  const repository = useMemo(() => toRepository(shown.thread), [shown.thread]);
  const options = { model, settings };

  const runtime = useExternalStoreRuntime<ThreadMessage>({
    messageRepository: repository,
    isRunning: streaming(thread) !== undefined,
    isDisabled: thread.load !== "ready",
    // Offered so that branches can be switched; the tree itself only changes in our store.
    setMessages: () => undefined,
    unstable_onBranchChange: ({ headId }) => showBranch(key, headId),
    onNew: async (message) => {
      const text = textOf(message).trim();
      saveDraft(thread.conversationId, "");
      const files = await take(key);
      const blocks = files.flatMap(({ found }) => (found === null ? [] : [found.block]));
      const content = joined(text, blocks);
      const accepted =
        rival === null
          ? await ask(key, thread.headId, content, options)
          : await askBoth(key, thread.headId, content, options, rival);
      if (accepted) return;
      giveBack(key, files);
      onRefused(text);
    },
    onEdit: async (message) => {
      // The files stay with the question, whatever becomes of its words.
      const { tail } = split(find(thread, message.sourceId)?.content ?? "");
      const text = joined(textOf(message).trim(), [], tail);
      if (!(await ask(key, message.parentId ?? shown.parentId, text, options))) onRefused(text);
    },
    onReload: async (parentId) => {
      if (parentId !== null) await askAgain(key, parentId, options);
    },
    onCancel: () => stop(key),
  });
  return <AssistantRuntimeProvider runtime={runtime}>{children}</AssistantRuntimeProvider>;
}
