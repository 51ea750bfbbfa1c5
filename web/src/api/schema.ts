/** Written by `npm run types` from the OpenAPI document; not to be changed by hand. */

export type Alternative = {
  token: string;
  logprob: number;
};

export type CachedTokens = {
  cached_tokens: number;
};

export type CallIdAnswer = {
  call_id: string;
};

export type ConversationAnswer = {
  id: string;
  title: string;
  pinned: boolean;
  archived: boolean;
  folder: string;
  head_id: string | null;
  created_at: number;
  updated_at: number;
};

export type ConversationChange = {
  title?: string;
  pinned?: boolean;
  archived?: boolean;
  folder?: string;
  head_id?: string | null;
  settings?: TurnSettings | null;
};

export type ConversationPage = {
  data: ListedConversation[];
  has_more: boolean;
  next_before: string | null;
};

export type DeltaEvent = {
  type: "delta";
  text: string;
  offset: number;
};

export type DoneEvent = {
  type: "done";
  status: "complete" | "cancelled" | "interrupted";
  finish_reason: "stop" | "length" | "tool_calls" | "content_filter" | null;
  usage: UsageAnswer | null;
};

export type Error = {
  error: { message: string;
  type: string;
  param: string | null;
  code: string | null;
};
};

export type ErrorAnswer = {
  message: string;
  hint?: string | null;
  type?: string | null;
  param?: string | null;
  code?: string | null;
};

export type ErrorEvent = {
  type: "error";
  error: ErrorAnswer;
};

export type FolderAnswer = {
  name: string;
  conversations: number;
};

export type FolderList = {
  data: FolderAnswer[];
};

export type Leave = {
  allow: boolean;
};

export type ListedConversation = {
  id: string;
  title: string;
  pinned: boolean;
  archived: boolean;
  folder: string;
  head_id: string | null;
  created_at: number;
  updated_at: number;
  match?: MatchAnswer | null;
};

export type LogprobsEvent = {
  type: "logprobs";
  number: number;
  tokens: TokenAnswer[];
};

export type MatchAnswer = {
  title: ([number, number])[];
  message_id: string | null;
  text: string | null;
  places: ([number, number])[];
};

export type MessageAnswer = {
  id: string;
  parent_id: string | null;
  role: "system" | "user" | "assistant" | "tool";
  content: string;
  status: "streaming" | "complete" | "cancelled" | "interrupted" | "error";
  model: string | null;
  created_at: number;
  usage: UsageAnswer | null;
  finish_reason: "stop" | "length" | "tool_calls" | "content_filter" | null;
  error: ErrorAnswer | null;
  steps: StepAnswer[];
  pictures: PictureAnswer[];
  rating: RatingAnswer | null;
  turn_id: string | null;
};

export type ModelAnswer = {
  id: string;
  object: "model";
  created: number;
  owned_by: string;
  root: string;
  parent: string | null;
  context: number;
  default: boolean;
  mini_claude: ModelHere;
};

export type ModelHere = {
  bytes: number | null;
  parameters: number | null;
  adapter: boolean;
  continues: boolean;
  sees: boolean;
};

export type ModelList = {
  object: "list";
  data: ModelAnswer[];
};

export type NewConversation = {
  title?: string | null;
};

export type NewPicture = {
  name: string;
  url: string;
};

export type NewPreset = {
  name: string;
  settings: TurnSettings;
};

export type NewTurn = {
  content?: string | null;
  pictures?: NewPicture[];
  pictures_of?: string | null;
  parent_id?: string | null;
  continue_id?: string | null;
  model?: string | null;
  settings?: TurnSettings;
};

export type PictureAnswer = {
  name: string;
  media_type: string;
  width: number;
  height: number;
  bytes: number;
};

export type PresetAnswer = {
  id: string;
  name: string;
  settings: TurnSettings;
  created_at: number;
};

export type PresetList = {
  object: "list";
  data: PresetAnswer[];
};

export type RatingAnswer = {
  thumb: "up" | "down" | null;
  reason: "correct" | "helpful" | "well_written" | "incorrect" | "unhelpful" | "not_followed" | "badly_written" | "unsafe" | null;
  note: string;
  correction: string | null;
  created_at: number;
  updated_at: number;
};

export type RatingBody = {
  thumb?: "up" | "down" | null;
  reason?: "correct" | "helpful" | "well_written" | "incorrect" | "unhelpful" | "not_followed" | "badly_written" | "unsafe" | null;
  note?: string;
  correction?: string | null;
};

export type StartedTurnAnswer = {
  turn_id: string;
  user_message_id: string;
  assistant_message_id: string;
  offset: number;
};

export type StepAnswer = {
  id: string;
  name: string;
  arguments: string;
  status: "waiting" | "running" | "done" | "failed" | "refused";
  result: string;
  offset: number;
};

export type TokenAnswer = {
  token: string;
  logprob: number;
  offset: number;
  top: Alternative[];
};

export type ToolAnswer = {
  name: string;
  description: string;
};

export type ToolEvent = {
  id: string;
  name: string;
  arguments: string;
  status: "waiting" | "running" | "done" | "failed" | "refused";
  result: string;
  offset: number;
  type: "tool";
  number: number;
};

export type ToolList = {
  object: "list";
  data: ToolAnswer[];
};

export type TurnEventAnswer = {
  event: DeltaEvent | ToolEvent | LogprobsEvent | DoneEvent | ErrorEvent;
};

export type TurnIdAnswer = {
  turn_id: string;
};

export type TurnSettings = {
  temperature?: number | null;
  top_p?: number | null;
  top_k?: number | null;
  min_p?: number | null;
  repetition_penalty?: number | null;
  frequency_penalty?: number | null;
  presence_penalty?: number | null;
  logit_bias?: Record<string, unknown> | null;
  seed?: number | null;
  stop?: string | string[] | null;
  n?: number | null;
  max_tokens?: number | null;
  system?: string | null;
  tools?: string[] | null;
  ask_leave?: boolean | null;
  logprobs?: number | null;
};

export type UsageAnswer = {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details: CachedTokens;
};

export type WholeConversation = {
  id: string;
  title: string;
  pinned: boolean;
  archived: boolean;
  folder: string;
  head_id: string | null;
  created_at: number;
  updated_at: number;
  settings: TurnSettings;
  messages: MessageAnswer[];
};
