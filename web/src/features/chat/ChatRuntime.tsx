import {
  type AppendMessage,
  AssistantRuntimeProvider,
  type ThreadMessage,
  useExternalStoreRuntime,
} from "@assistant-ui/react";
import { type ReactNode, useEffect, useMemo } from "react";

import { fetchPicture } from "../../api/pictures";
import { t } from "../../ui/i18n";
import { showError, showToast } from "../../ui/toast";
import { toRepository } from "./convert";
import { joined, split } from "./attachments/blocks";
import { kept } from "./attachments/leftOut";
import { NOTHING, blindText, keptExtra, newExtra } from "./attachments/pictures";
import { take, useReading } from "./attachments/store";
import { askBoth } from "./answers";
import { ask, askAgain, stop } from "./asking";
import { get, showBranch } from "./store";
import type { Shown } from "./shown";
import { type Thread, find, streaming } from "./thread";
import { useTurnSettings } from "./turnSettings";
import { before, withWayBack, writingAt } from "./unsent";

/** A picture of our own server's. */
const LOADING_MS = 30_000;

const textOf = (message: AppendMessage) =>
  message.content.map((part) => (part.type === "text" ? part.text : "")).join("");

/** A picture cannot be sent: the file is gone from the disk, or the server away. */
function tellUnreadable(error: unknown): null {
  showError(error);
  return null;
}

/** Stands between our store and assistant-ui: it is told the tree and tells us what was clicked. */
export function ChatRuntime({
  thread,
  shown,
  model,
  rival,
  seeing,
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
  children: ReactNode;
}) {
  const { key, conversationId } = thread;
  const settings = useTurnSettings(conversationId ?? key);
  const repository = useMemo(() => toRepository(shown.thread), [shown.thread]);
  const reading = useReading(key);
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
    // A question about a file must not go without it.
    isSendDisabled: reading,
    // Offered so that branches can be switched; the tree itself only changes in our store.
    setMessages: () => undefined,
    unstable_onBranchChange: ({ headId }) => showBranch(key, headId),
    onNew: async (message) => {
      const text = textOf(message).trim();
      const files = take(key);
      await withWayBack(thread, text, files ?? [], async () => {
        if (files === null) {
          showToast({ tone: "error", text: t("A file is still being read. Send again in a moment.") });
          return false;
        }
        const pictures = files
          .filter(({ picture }) => picture !== null)
          .map(({ name, picture }, place) => ({ place, name, file: picture }));
        if (pictures.length > 0 && tellBlind(model, rival)) return false;
        const extra = await newExtra(pictures).catch(tellUnreadable);
        if (extra === null) return false;
        const blocks = files.flatMap(({ found }) => (found === null ? [] : [found.block]));
        const content = joined(text, blocks);
        const { headId } = get(key); // while pictures were read, the chat may have gone on
        return rival === null
          ? ask(key, headId, content, options, extra)
          : askBoth(key, headId, content, options, rival, extra);
      });
    },
    onEdit: async (message) => {
      // The files stay with the question, whatever becomes of its words.
      const question = find(thread, message.sourceId);
      const { tail } = split(question?.content ?? "");
      const words = textOf(message).trim();
      const pictures = question === undefined ? [] : kept(question);
      const load = (id: string, place: number) =>
        fetchPicture(thread.conversationId ?? "", id, place, AbortSignal.timeout(LOADING_MS));
      const parentId = message.parentId ?? shown.parentId;
      await withWayBack(thread, words, [], async () => {
        if (pictures.length > 0 && tellBlind(model)) return false;
        const extra =
          question === undefined
            ? NOTHING
            : await keptExtra(question, pictures, load).catch(tellUnreadable);
        if (extra === null) return false;
        return ask(key, parentId, joined(words, [], tail), options, extra);
      });
    },
    onReload: async (parentId) => {
      const questionId = parentId ?? shown.parentId;
      const pictured = (find(thread, questionId)?.pictures.length ?? 0) > 0;
      if (questionId === null || (pictured && tellBlind(model))) return;
      await askAgain(key, questionId, options);
    },
    onCancel: () => stop(key),
  });
  useEffect(() => {
    const { composer } = runtime.thread;
    const put = (text: string) => composer.setText(before(text, composer.getState().text));
    return writingAt({ key, conversationId, put });
  }, [runtime, key, conversationId]);
  return <AssistantRuntimeProvider runtime={runtime}>{children}</AssistantRuntimeProvider>;
}
