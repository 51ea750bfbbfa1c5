/** Ratings of answers, and how many there are. */

import { PATIENCE_MS, sendJson } from "./http";
import type { Rating } from "./types";

export interface FeedbackCounts {
  ratings: number;
  up: number;
  down: number;
  corrections: number;
}

const path = (conversation: string, message: string) =>
  `/conversations/${encodeURIComponent(conversation)}/messages/${encodeURIComponent(message)}/rating`;

const patience = () => AbortSignal.timeout(PATIENCE_MS);

/** Replaces what was said of the answer before. */
export function rate(conversation: string, message: string, rating: Rating): Promise<Rating> {
  const { thumb, reason, note, correction } = rating;
  const body = { thumb, reason, note, correction };
  return sendJson("PUT", path(conversation, message), { body, signal: patience() });
}

export function unrate(conversation: string, message: string): Promise<void> {
  return sendJson("DELETE", path(conversation, message), { signal: patience() });
}

export function countFeedback(): Promise<FeedbackCounts> {
  return sendJson("GET", "/feedback");
}
