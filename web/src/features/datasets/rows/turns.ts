/** A row as turns that a person can write in, and back. Only for forms where nothing gets lost. */

export interface EditTurn {
  role: string;
  text: string;
}

type Row = Record<string, unknown>;

export function parseRow(text: string): Row | null {
  try {
    const value: unknown = JSON.parse(text);
    const isRow = typeof value === "object" && value !== null && !Array.isArray(value);
    return isRow ? (value as Row) : null;
  } catch {
    return null;
  }
}

const PAIRS: readonly (readonly [string, string])[] = [
  ["instruction", "output"],
  ["question", "answer"],
  ["prompt", "completion"],
  ["prompt", "response"],
];
const SPEAKERS = new Map([
  ["human", "user"],
  ["gpt", "assistant"],
  ["chatgpt", "assistant"],
  ["model", "assistant"],
  ["bot", "assistant"],
]);

/** Who speaks of tools: such a turn is a call or what came of it, not a text. */
const CALLS = new Set(["tool", "function", "observation", "function_call", "function_response"]);

const textOf = (value: unknown) => (typeof value === "string" ? value : "");

/** The turns of a row's text, to be shown; null where it is no JSON object, or holds what turns
 * cannot: tools, preferences, parts that are no text. */
export function turnsOf(text: string): EditTurn[] | null {
  const row = parseRow(text);
  if (row === null || "tools" in row || "chosen" in row || "rejected" in row) return null;
  if (Array.isArray(row.messages)) return fromMessages(row.messages, "role", "content");
  if (Array.isArray(row.conversations)) return fromMessages(row.conversations, "from", "value");
  return fromPair(row);
}

function fromMessages(messages: unknown[], role: string, content: string): EditTurn[] | null {
  const turns: EditTurn[] = [];
  for (const message of messages) {
    if (typeof message !== "object" || message === null || "tool_calls" in message) return null;
    const said = (message as Row)[content] ?? "";
    const speaker = textOf((message as Row)[role]);
    if (typeof said !== "string" || speaker === "tool") return null;
    turns.push({ role: SPEAKERS.get(speaker) ?? (speaker || "user"), text: said });
  }
  return turns;
}

function fromPair(row: Row): EditTurn[] | null {
  const pair = PAIRS.find(([asked, answered]) => asked in row && answered in row)
    ?? PAIRS.find(([asked, answered]) => asked in row || answered in row);
  if (pair === undefined || "label" in row || "history" in row) return null;
  const [asked, answered] = pair;
  const input = textOf(row.input);
  const question = textOf(row[asked]);
  const system = textOf(row.system);
  return [
    ...(system ? [{ role: "system", text: system }] : []),
    { role: "user", text: input ? `${question}\n\n${input}` : question },
    { role: "assistant", text: textOf(row[answered]) },
  ];
}

/** How a dataset's rows are read. */
export interface ReadAs {
  task: string;
  format: string | null;
  columns: Readonly<Record<string, string>>;
}

/** As `turnsOf`, where `rowOf` those turns is all of the row, and can be read as the dataset's rows
 * are; else null: what turns do not show would be gone from the row, unseen. */
export function editableTurns(text: string, { task, format, columns }: ReadAs): EditTurn[] | null {
  const isReadAsMessages = format === null || format === "openai";
  if (task !== "supervised" || !isReadAsMessages || Object.keys(columns).length > 0) return null;
  const row = parseRow(text);
  return row !== null && isPlain(row) ? turnsOf(text) : null;
}

const isText = (value: unknown) => value === null || typeof value === "string";
const isAmong = (names: readonly string[]) => (name: string) => names.includes(name);

function isPlain(row: Row): boolean {
  const names = Object.keys(row);
  const list = row.messages ?? row.conversations;
  if (Array.isArray(list)) {
    const keys = row.messages === list ? ["role", "content"] : ["from", "value"];
    return names.length === 1 && list.every((message) => isPlainMessage(message, keys));
  }
  // Only Alpaca's `input` is part of the question.
  const fits = ([asked, answered]: readonly [string, string]) =>
    names.every(isAmong([asked, answered, "system", ...(asked === "instruction" ? ["input"] : [])]));
  return PAIRS.some(fits) && Object.values(row).every(isText);
}

function isPlainMessage(message: unknown, keys: readonly string[]): boolean {
  if (typeof message !== "object" || message === null) return false;
  const { [keys[0] ?? ""]: speaker } = message as Row;
  return (
    Object.keys(message).every(isAmong(keys)) &&
    Object.values(message).every(isText) &&
    !CALLS.has(textOf(speaker))
  );
}

/** As `example.to_row` has them. */
export function rowOf(turns: readonly EditTurn[]): Row {
  return { messages: turns.map(({ role, text }) => ({ role, content: text })) };
}

export function prettyRow(text: string): string {
  const row = parseRow(text);
  return row === null ? text : JSON.stringify(row, null, 2);
}
