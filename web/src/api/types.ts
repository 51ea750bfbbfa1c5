/** The shapes of the HTTP interface by the page's names. `schema.ts` has them from the server;
 * what the page does not look at is left out. Times are Unix seconds. */

import type * as Schema from "./schema";

export type Role = Schema.MessageAnswer["role"];
export type MessageStatus = Schema.MessageAnswer["status"];
export type Usage = Pick<Schema.UsageAnswer, "prompt_tokens" | "completion_tokens">;
export type WireError = Schema.ErrorAnswer;

type WithUsage<Part extends { usage: unknown }> = Omit<Part, "usage"> & { usage: Usage | null };

export type WireMessage = Omit<WithUsage<Schema.MessageAnswer>, "steps" | "turn_id"> & {
  /** Not null only while `status` is `streaming`. */
  turn_id?: string | null;
};

export type Conversation = Schema.ConversationAnswer;
export type ConversationWithMessages = Conversation & { messages: WireMessage[] };

/** `next_before`: what to ask for as `before` to get the page that follows. */
export type Page<T> = Omit<Schema.ConversationPage, "data"> & { data: T[] };

/** `context`: tokens; 0 when the provider does not say. */
export type Model = Pick<Schema.ModelAnswer, "id" | "owned_by" | "context" | "default">;

export interface TurnSettings {
  temperature?: number;
  max_tokens?: number;
  system?: string;
}

export type StartedTurn = Schema.StartedTurnAnswer;

/** `offset` counts Unicode code points of the answer after this delta. */
export type TurnEvent = Schema.DeltaEvent | WithUsage<Schema.DoneEvent> | Schema.ErrorEvent;
