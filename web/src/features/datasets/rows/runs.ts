/** Neighbouring tokens that are learnt, or not, together. */

import type { TokenPart } from "../../../api/datasets";

export interface Run {
  start: number;
  learnt: boolean;
  tokens: TokenPart["tokens"];
}

export function runsOf(tokens: TokenPart["tokens"]): Run[] {
  const runs: Run[] = [];
  for (const [at, token] of tokens.entries()) {
    const last = runs.at(-1);
    if (last?.learnt === token.learnt) last.tokens.push(token);
    else runs.push({ start: at, learnt: token.learnt, tokens: [token] });
  }
  return runs;
}
