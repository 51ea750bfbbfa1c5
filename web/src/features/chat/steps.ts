/** An answer's text and its calls of tools, in the order they came. */

import type { ToolStep } from "../../api/types";
import type { Message } from "./message";

export type Part =
  | { kind: "text"; text: string; start: number; last: boolean }
  | { kind: "step"; step: ToolStep; number: number };

/** Text between calls, and the calls. `start`: code points before a text. */
export function parts({ content, steps }: Pick<Message, "content" | "steps">): Part[] {
  if (steps.length === 0) {
    return content === "" ? [] : [{ kind: "text", text: content, start: 0, last: true }];
  }
  const points = Array.from(content);
  const found: Part[] = [];
  let at = 0;
  const say = (end: number, last: boolean) => {
    const text = points.slice(at, end).join("");
    if (text.trim() !== "") found.push({ kind: "text", text, start: at, last });
    at = Math.max(at, end);
  };
  for (const [number, step] of steps.entries()) {
    say(step.offset, false);
    found.push({ kind: "step", step, number });
  }
  say(points.length, true);
  return found;
}

const LONGEST = 60;
const short = (text: string) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);

/** The arguments in a few characters: the value alone where there is one. */
export function inShort(args: string): string {
  try {
    const value: unknown = JSON.parse(args);
    if (typeof value === "object" && value !== null) {
      const values = Object.values(value);
      if (values.length === 0) return "";
      if (values.length === 1) return short(oneLine(asText(values[0])));
    }
  } catch {
    // As the model wrote it, then.
  }
  return short(oneLine(args));
}

const MOST_INDENTED = 1_000_000;

/** JSON, indented where it is some. Every level indents all that is in it: a few thousand brackets
 * would become megabytes, and stay as they are. */
export function indented(text: string): string {
  if (text.length * levels(text) > MOST_INDENTED) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** At most so many; brackets within words are counted with the rest. */
function levels(text: string): number {
  let now = 0;
  let most = 0;
  for (const character of text) {
    if (character === "[" || character === "{") most = Math.max(most, (now += 1));
    else if (character === "]" || character === "}") now -= 1;
  }
  return most;
}

export const resultInShort = (result: string): string => short(oneLine(result));

const asText = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
const oneLine = (text: string) => text.split(/\s+/).join(" ").trim();
