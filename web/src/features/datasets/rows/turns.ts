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

const PAIRS: [string, string][] = [
  ["instruction", "output"],
  ["question", "answer"],
  ["prompt", "completion"],
  ["prompt", "response"],
];
const SPEAKERS = new Map([
  ["human", "user"],
  ["gpt", "assistant"],
]);

const textOf = (value: unknown) => (typeof value === "string" ? value : "");

/** The turns of a row's text; null where it is no JSON object, or holds what turns cannot: tools,
 * preferences, parts that are no text. */
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

/** As `example.to_row` has them. */
export function rowOf(turns: readonly EditTurn[]): Row {
  return { messages: turns.map(({ role, text }) => ({ role, content: text })) };
}

export function prettyRow(text: string): string {
  const row = parseRow(text);
  return row === null ? text : JSON.stringify(row, null, 2);
}
