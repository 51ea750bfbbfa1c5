/** Starting, watching and stopping an answer. A turn runs on whether or not anybody watches. */

import { ApiError, UnreachableError, send, sendJson } from "./http";
import { pause } from "./pause";
import type * as Schema from "./schema";
import { readEvents } from "./sse";
import type { StartedTurn, TokenChoice, ToolStep, TurnEvent, TurnSettings } from "./types";

export interface NewTurn {
  /** Absent: answer the user message `parent_id` again. */
  content?: string;
  /** What goes with it, whole, as `data:` addresses. */
  pictures?: Schema.NewPicture[];
  /** A message whose pictures go with it again. */
  pictures_of?: string;
  /** The message this one follows; null starts a new root. */
  parent_id?: string | null;
  /** An answer that was cut off, to go on in its place; then there is nothing else to say. */
  continue_id?: string;
  model?: string;
  settings?: TurnSettings;
}

const turns = (conversation: string) => `/conversations/${encodeURIComponent(conversation)}/turns`;
const turn = (conversation: string, id: string) =>
  `${turns(conversation)}/${encodeURIComponent(id)}`;

export function startTurn(conversation: string, body: NewTurn): Promise<StartedTurn> {
  return sendJson("POST", turns(conversation), { body });
}

export async function cancelTurn(conversation: string, id: string): Promise<void> {
  await send("POST", `${turn(conversation, id)}/cancel`);
}

/** Let a call of a tool that waits for leave be run, or not. */
export async function decideCall(
  conversation: string,
  id: string,
  callId: string,
  allow: boolean,
): Promise<void> {
  const path = `${turn(conversation, id)}/tools/${encodeURIComponent(callId)}`;
  await send("POST", path, { body: { allow } });
}

export type Ending = Extract<TurnEvent, { type: "done" | "error" }>;

export interface TurnListener {
  /** Gets each piece exactly once, in order. */
  onText: (text: string) => void;
  /** Gets a call whenever it comes or changes, and again after a lost connection. */
  onStep: (number: number, step: ToolStep) => void;
  /** Gets the tokens from number `number` on; again after a lost connection. */
  onTokens: (number: number, tokens: TokenChoice[]) => void;
}

const FIRST_DELAY_MS = 300;
const LAST_DELAY_MS = 8_000;

/**
 * Watch a turn from `offset` code points on until it ends, reconnecting as often as it takes.
 * Throws ApiError when the server refuses
 * (the turn or its conversation is gone, the key is missing) and AbortError when aborted.
 */
export async function followTurn(
  conversation: string,
  id: string,
  offset: number,
  listener: TurnListener,
  signal: AbortSignal,
): Promise<Ending> {
  let at = offset;
  for (let delay = FIRST_DELAY_MS; ; delay = Math.min(delay * 2, LAST_DELAY_MS)) {
    try {
      const path = `${turn(conversation, id)}/events?offset=${at}`;
      const response = await send("GET", path, { signal });
      if (response.body === null) throw new UnreachableError();
      for await (const { data } of readEvents(response.body)) {
        const event = JSON.parse(data) as TurnEvent;
        if (event.type === "tool") {
          const { type: _, number, ...step } = event;
          listener.onStep(number, step);
          continue;
        }
        if (event.type === "logprobs") {
          listener.onTokens(event.number, event.tokens);
          continue;
        }
        if (event.type !== "delta") return event;
        const fresh = unseen(event.text, event.offset, at);
        if (fresh === null) break; // a hole: ask again from where we are
        at = event.offset > at ? event.offset : at;
        if (fresh !== "") listener.onText(fresh);
        delay = FIRST_DELAY_MS;
      }
    } catch (error) {
      if (signal.aborted) throw error;
      if (error instanceof ApiError && error.status < 500 && error.status !== 429) throw error;
    }
    await pause(delay, signal);
  }
}

/**
 * The part of a delta that lies beyond `seen` code points; null when text in between is missing.
 * `end` is the answer's length in code points after the delta.
 */
export function unseen(text: string, end: number, seen: number): string | null {
  const points = Array.from(text);
  const start = end - points.length;
  if (start > seen) return null;
  return start === seen ? text : points.slice(seen - start).join("");
}
