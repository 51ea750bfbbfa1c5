/** The shapes of the HTTP interface by the page's names. `schema.ts` has them from the server;
 * what the page does not look at is left out. Times are Unix seconds. */

import type * as Schema from "./schema";

export type Role = Schema.MessageAnswer["role"];
export type MessageStatus = Schema.MessageAnswer["status"];
export type Usage = Pick<Schema.UsageAnswer, "prompt_tokens" | "completion_tokens">;
export type WireError = Schema.ErrorAnswer;

type WithUsage<Part extends { usage: unknown }> = Omit<Part, "usage"> & { usage: Usage | null };

/** A call of a tool within an answer. `offset`: code points of the answer that come before it;
 * `arguments`: JSON, as the model wrote it. */
export type ToolStep = Schema.StepAnswer;
export type StepStatus = ToolStep["status"];

/** What the model weighed at one place. `offset`: code points of the answer before the token;
 * `logprob`: natural logarithm of the probability. */
export type TokenChoice = Schema.TokenAnswer;

/** What a person thinks of an answer; `correction` is their better one, kept beside it. */
export type Rating = Pick<Schema.RatingAnswer, "thumb" | "reason" | "note" | "correction">;
export type Thumb = NonNullable<Rating["thumb"]>;

export type WireMessage = Omit<WithUsage<Schema.MessageAnswer>, "rating" | "turn_id"> & {
  rating?: Rating | null;
  /** Not null only while `status` is `streaming`. */
  turn_id?: string | null;
};

/** First and after the last, in Unicode code points. */
export type Places = readonly (readonly [number, number])[];

/** Of a search: why it was found. `message_id`: the newest message with all the words, and `text`
 * part of it; null where only the title has them. */
export type Match = Schema.MatchAnswer;

/** `folder`: "" outside of all folders. */
export type Conversation = Schema.ConversationAnswer & { match?: Match };
export type ConversationWithMessages = Omit<
  Schema.WholeConversation,
  "settings" | "messages"
> & { settings: TurnSettings; messages: WireMessage[] };
export type Folder = Schema.FolderAnswer;

/** `next_before`: what to ask for as `before` to get the page that follows. */
export type Page<T> = Omit<Schema.ConversationPage, "data"> & { data: T[] };

/** `context`: tokens, 0 when the provider does not say; `parent`: the model it was tuned from;
 * `mini_claude.bytes`: its files, of an adapter its own alone, null for models elsewhere. */
export type Model = Pick<
  Schema.ModelAnswer,
  "id" | "owned_by" | "context" | "default" | "parent" | "mini_claude"
>;

/** Of what the server knows, what this page sets. Absent: as the model likes. */
export interface TurnSettings {
  temperature?: number;
  max_tokens?: number;
  system?: string;
  /** Tools that may be called; none with []. */
  tools?: string[];
  /** Whether each call waits to be allowed. */
  ask_leave?: boolean;
  /** How many alternatives to each token are told. */
  logprobs?: number;
}

export type Preset = Pick<Schema.PresetAnswer, "id" | "name"> & { settings: TurnSettings };
export type Tool = Schema.ToolAnswer;

/** `offset`: code points that the answer has already. */
export type StartedTurn = Schema.StartedTurnAnswer;

/** `offset` counts Unicode code points of the answer after this delta. */
export type TurnEvent =
  | Schema.DeltaEvent
  | Schema.ToolEvent
  | Schema.LogprobsEvent
  | WithUsage<Schema.DoneEvent>
  | Schema.ErrorEvent;
