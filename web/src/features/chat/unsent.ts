/** Questions on their way to the server. One that is refused, or that nobody answers, comes back to
 * where its conversation is written in, before whatever was typed since; no reload loses it. */

import { recallHere, rememberHere } from "../../ui/storage";
import { type Waiting, giveBack } from "./attachments/store";
import { forgetDraft, readDraft, saveDraft } from "./drafts";

/** A chat on this page, and its conversation once it has one. */
interface Chat {
  key: string;
  conversationId: string | null;
}

/** The one place to write that is on the screen. */
export interface Writing extends Chat {
  /** Set the text before what is typed there. */
  put: (text: string) => void;
}

interface Question extends Chat {
  text: string;
}

let writing: Writing | null = null;

/** By chat. */
const onTheWay = new Map<string, Question>();

const name = (conversationId: string | null) => `unsent:${conversationId ?? "new"}`;

export const before = (text: string, typed: string): string =>
  [text, typed].filter((one) => one.trim() !== "").join("\n\n");

/** Name the place to write; returns what is done when it goes. */
export function writingAt(place: Writing): () => void {
  writing = place;
  return () => {
    if (writing === place) writing = null;
  };
}

/** Send a question; where `send` comes to nothing, its text and its files come back. */
export async function withWayBack(
  { key, conversationId }: Chat,
  text: string,
  files: readonly Waiting[],
  send: () => Promise<boolean>,
): Promise<void> {
  const question = { key, conversationId, text };
  onTheWay.set(key, question);
  rememberHere(name(conversationId), text);
  let accepted = false;
  try {
    accepted = await send();
  } finally {
    const now = onTheWay.get(key) ?? question;
    onTheWay.delete(key);
    if (!accepted) comeBack(now, files);
    if (recallHere(name(now.conversationId), "") === text) rememberHere(name(now.conversationId), "");
  }
}

/** A new chat has become a conversation: what is on its way and what is typed go with it. */
export function conversationMade(key: string, conversationId: string): void {
  const question = onTheWay.get(key);
  if (question !== undefined) {
    onTheWay.set(key, { ...question, conversationId });
    rememberHere(name(question.conversationId), "");
    rememberHere(name(conversationId), question.text);
  }
  // What is typed there is saved under the conversation's name from now on.
  if (writing?.key === key) saveDraft(null, "");
}

/** A conversation is gone for good: so is what was written for it. */
export function forgetWords(conversationId: string): void {
  forgetDraft(conversationId);
  rememberHere(name(conversationId), "");
}

/** Where to begin writing: what was typed, after a question that a reload cut off on its way. */
export function beginning(conversationId: string | null): string {
  const draft = readDraft(conversationId);
  const sent = [...onTheWay.values()].some((one) => one.conversationId === conversationId);
  const lost = sent ? "" : recallHere(name(conversationId), "");
  if (lost !== "") rememberHere(name(conversationId), "");
  return before(lost, draft);
}

function comeBack({ key, conversationId, text }: Question, files: readonly Waiting[]): void {
  // Chats without a conversation share one draft, whichever of them is on the screen.
  const here = writing?.key === key || writing?.conversationId === conversationId ? writing : null;
  giveBack(here?.key ?? key, files);
  if (here === null) saveDraft(conversationId, before(text, readDraft(conversationId)));
  else here.put(text);
}
