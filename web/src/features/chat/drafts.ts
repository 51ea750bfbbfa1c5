/** What was typed and not yet sent, per conversation, so that no reload loses it. Two tabs on one
 * conversation each keep their own; a new tab begins with what was typed last in any. */

import { recall, recallHere, remember, rememberHere } from "../../ui/storage";

const name = (conversationId: string | null) => `draft:${conversationId ?? "new"}`;

export function readDraft(conversationId: string | null): string {
  return recallHere<string | null>(name(conversationId), null) ?? recall(name(conversationId), "");
}

export function saveDraft(conversationId: string | null, text: string): void {
  const kept = text.trim() === "" ? "" : text;
  const before = recallHere<string>(name(conversationId), "");
  rememberHere(name(conversationId), kept);
  // Sent here: what another tab has typed meanwhile is none of ours to forget.
  if (kept !== "" || recall(name(conversationId), "") === before) {
    remember(name(conversationId), kept);
  }
}

/** In every tab that is opened from now on, and in this one. */
export function forgetDraft(conversationId: string): void {
  rememberHere(name(conversationId), "");
  remember(name(conversationId), "");
}
