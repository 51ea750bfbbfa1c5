/** The shapes of the HTTP interface, as the server writes them. Times are Unix seconds. */

export type Role = "system" | "user" | "assistant" | "tool";
export type MessageStatus = "streaming" | "complete" | "cancelled" | "interrupted" | "error";

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
}

export type StepStatus = "waiting" | "running" | "done" | "failed" | "refused";

/** A call of a tool within an answer. `offset`: code points of the answer that come before it. */
export interface ToolStep {
  id: string;
  name: string;
  /** JSON, as the model wrote it. */
  arguments: string;
  status: StepStatus;
  result: string;
  offset: number;
}

/** What the model weighed at one place. `offset`: code points of the answer before the token. */
export interface TokenChoice {
  offset: number;
  token: string;
  /** Natural logarithm of the probability. */
  logprob: number;
  top: { token: string; logprob: number }[];
}

export interface WireError {
  message: string;
  hint?: string | null;
  type?: string | null;
  param?: string | null;
  code?: string | null;
}

export type Thumb = "up" | "down";

/** What a person thinks of an answer; `correction` is their better one, kept beside it. */
export interface Rating {
  thumb: Thumb | null;
  reason: string | null;
  note: string;
  correction: string | null;
}

export interface WireMessage {
  id: string;
  parent_id: string | null;
  role: Role;
  content: string;
  status: MessageStatus;
  model: string | null;
  created_at: number;
  usage: Usage | null;
  finish_reason: string | null;
  error: WireError | string | null;
  steps: ToolStep[];
  rating?: Rating | null;
  /** Present only while `status` is `streaming`. */
  turn_id?: string | null;
}

export interface Conversation {
  id: string;
  title: string | null;
  pinned: boolean;
  archived: boolean;
  /** "" outside of all folders. */
  folder?: string;
  head_id: string | null;
  created_at: number;
  updated_at: number;
  /** Of a search: why it was found. */
  match?: Match;
}

/** First and after the last, in Unicode code points. */
export type Places = readonly (readonly [number, number])[];

export interface Match {
  /** Places in the title. */
  title: Places;
  /** The newest message with all the words, and part of it; null where only the title has them. */
  message_id: string | null;
  text: string | null;
  places: Places;
}

export interface Folder {
  name: string;
  conversations: number;
}

export interface ConversationWithMessages extends Conversation {
  settings: TurnSettings;
  messages: WireMessage[];
}

export interface Page<T> {
  data: T[];
  has_more: boolean;
  /** What to ask for as `before` to get the page that follows. */
  next_before: string | null;
}

export interface Model {
  id: string;
  owned_by: string;
  /** Tokens; 0 when the provider does not say. */
  context: number;
  default: boolean;
  /** The model it was tuned from. */
  parent: string | null;
  mini_claude: {
    /** Its files; of an adapter its own alone. Null for models elsewhere. */
    bytes: number | null;
    parameters: number | null;
    adapter: boolean;
    /** Whether it goes on with an answer that was cut off. */
    continues: boolean;
  };
}

/** Absent: as the model likes. */
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

export interface Preset {
  id: string;
  name: string;
  settings: TurnSettings;
}

export interface Tool {
  name: string;
  description: string;
}

export interface StartedTurn {
  turn_id: string;
  user_message_id: string;
  assistant_message_id: string;
  /** Code points that the answer has already. */
  offset: number;
}

/** `offset` counts Unicode code points of the answer after this delta. */
export type TurnEvent =
  | { type: "delta"; text: string; offset: number }
  | ({ type: "tool"; number: number } & ToolStep)
  | { type: "logprobs"; number: number; tokens: TokenChoice[] }
  | {
      type: "done";
      status: Exclude<MessageStatus, "streaming" | "error">;
      finish_reason: string | null;
      usage: Usage | null;
    }
  | { type: "error"; error: WireError };
