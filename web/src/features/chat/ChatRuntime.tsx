import {
  type AppendMessage,
  AssistantRuntimeProvider,
  type ThreadMessage,
  useExternalStoreRuntime,
} from "@assistant-ui/react";
import { type ReactNode, useMemo } from "react";

import { fetchPicture } from "../../api/pictures";
import { errorText } from "../../ui/errorText";
import { showToast } from "../../ui/toast";
import { toRepository } from "./convert";
import { saveDraft } from "./drafts";
import { joined, split } from "./attachments/blocks";
import { kept } from "./attachments/leftOut";
import { NOTHING, blindText, keptExtra, newExtra } from "./attachments/pictures";
import { giveBack, take } from "./attachments/store";
import { askBoth } from "./answers";
import { ask, askAgain, showBranch, stop } from "./store";
import type { Shown } from "./shown";
import { type Thread, find, streaming } from "./thread";
import { useTurnSettings } from "./turnSettings";

/** A picture of our own server's. */
const LOADING_MS = 30_000;

const textOf = (message: AppendMessage) =>
  message.content.map((part) => (part.type === "text" ? part.text : "")).join("");

/** A picture cannot be sent: the file is gone from the disk, or the server away. */
function tellUnreadable(error: unknown): null {
  showToast({ tone: "error", text: errorText(error) });
  return null;
}

/** Stands between our store and assistant-ui: it is told the tree and tells us what was clicked. */
export function ChatRuntime({
  thread,
  shown,
  model,
  rival,
  seeing,
  onRefused,
  children,
}: {
  thread: Thread;
  /** The part of it that is drawn. */
  shown: Shown;
  model: string | null;
  /** A second model that answers beside it. */
  rival: string | null;
  /** Models that take pictures. */
  seeing: readonly string[];
  /** The server would not take this text: put it back where it was typed. */
  onRefused: (text: string) => void;
  children: ReactNode;
}) {
  const { key } = thread;
  const settings = useTurnSettings(thread.conversationId ?? key);
  const repository = useMemo(() => toRepository(shown.thread), [shown.thread]);
  const options = { model, settings };
  /** Say why pictures do not go to one of these; false where all of them see. */
  const tellBlind = (...asked: (string | null)[]): boolean => {
    const blind = asked.find((id) => id !== null && !seeing.includes(id)) ?? null;
    if (blind !== null) showToast({ tone: "error", text: blindText(blind, seeing) });
    return blind !== null;
  };

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
      const refused = () => {
        giveBack(key, files);
        onRefused(text);
      };
      const pictures = files
        .filter(({ picture }) => picture !== null)
        .map(({ name, picture }, place) => ({ place, name, file: picture }));
      if (pictures.length > 0 && tellBlind(model, rival)) return refused();
      const extra = await newExtra(pictures).catch(tellUnreadable);
      if (extra === null) return refused();
      const blocks = files.flatMap(({ found }) => (found === null ? [] : [found.block]));
      const content = joined(text, blocks);
      const accepted =
        rival === null
          ? await ask(key, thread.headId, content, options, extra)
          : await askBoth(key, thread.headId, content, options, rival, extra);
      if (!accepted) refused();
    },
    onEdit: async (message) => {
      // The files stay with the question, whatever becomes of its words.
      const question = find(thread, message.sourceId);
      const { tail } = split(question?.content ?? "");
      const words = textOf(message).trim();
      const pictures = question === undefined ? [] : kept(question);
      if (pictures.length > 0 && tellBlind(model)) return onRefused(words);
      const load = (id: string, place: number) =>
        fetchPicture(thread.conversationId ?? "", id, place, AbortSignal.timeout(LOADING_MS));
      const extra =
        question === undefined
          ? NOTHING
          : await keptExtra(question, pictures, load).catch(tellUnreadable);
      if (extra === null) return onRefused(words);
      const parentId = message.parentId ?? shown.parentId;
      const content = joined(words, [], tail);
      if (!(await ask(key, parentId, content, options, extra))) onRefused(words);
    },
    onReload: async (parentId) => {
      const pictured = (find(thread, parentId)?.pictures.length ?? 0) > 0;
      if (parentId === null || (pictured && tellBlind(model))) return;
      await askAgain(key, parentId, options);
    },
    onCancel: () => stop(key),
  });
  return <AssistantRuntimeProvider runtime={runtime}>{children}</AssistantRuntimeProvider>;
}
