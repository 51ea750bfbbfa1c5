/** What was typed and not yet sent, per conversation, so that no reload loses it. */

import { recall, remember } from "../../ui/storage";

const name = (conversationId: string | null) => `draft:${conversationId ?? "new"}`;

export function readDraft(conversationId: string | null): string {
  return recall<string>(name(conversationId), "");
}

export function saveDraft(conversationId: string | null, text: string): void {
  remember(name(conversationId), text.trim() === "" ? "" : text);
}
