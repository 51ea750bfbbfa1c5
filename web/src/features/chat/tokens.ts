/** What the model weighed, cut into the words of the answer. */

import type { TokenChoice } from "../../api/types";

/** A piece of the answer. `choice`: null for text whose probability is not known. */
export interface Piece {
  /** Its number among the pieces. */
  place: number;
  text: string;
  choice: TokenChoice | null;
}

/** The pieces of a text that begins `start` code points into an answer; together they are it. */
export function pieces(text: string, all: readonly TokenChoice[], start = 0): Piece[] {
  const points = Array.from(text);
  const end = start + points.length;
  const tokens = all.filter(({ offset }) => offset >= start && offset < end);
  const found: Piece[] = [];
  let at = 0;
  const say = (to: number, choice: TokenChoice | null) => {
    const said = points.slice(at, to).join("");
    if (said !== "") found.push({ place: found.length, text: said, choice });
    at = Math.max(at, to);
  };
  for (const [number, choice] of tokens.entries()) {
    const next = tokens[number + 1]?.offset ?? choice.offset + Array.from(choice.token).length;
    say(choice.offset - start, null);
    say(next - start, choice);
  }
  say(points.length, null);
  return found;
}
export const probability = (logprob: number): number => Math.exp(logprob);

/** 0 (sure) to 4 (hardly): how strongly a word is tinted. */
export function doubt(logprob: number): number {
  const bounds = [0.9, 0.6, 0.3, 0.1];
  const below = bounds.findIndex((bound) => probability(logprob) >= bound);
  return below < 0 ? bounds.length : below;
}

/** Gathers tokens and hands them on a few times a second: nobody reads them while they come. */
export class TokenBatch {
  private first = 0;
  private tokens: TokenChoice[] = [];
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly deliver: (number: number, tokens: TokenChoice[]) => void) {}

  add(number: number, tokens: readonly TokenChoice[]): void {
    if (number < this.first + this.tokens.length || this.tokens.length === 0) {
      // The beginning, or told again after a lost connection.
      this.flush();
      this.first = number;
    }
    this.tokens.push(...tokens);
    this.timer ??= setTimeout(() => this.flush(), 200);
  }

  flush(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const { first, tokens } = this;
    this.tokens = [];
    if (tokens.length > 0) this.deliver(first, tokens);
  }
}
