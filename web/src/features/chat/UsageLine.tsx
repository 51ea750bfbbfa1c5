import type { Message } from "./message";

const count = new Intl.NumberFormat("en");

/** Which model, how many tokens, how fast: as far as it is known. */
export function UsageLine({ message }: { message: Message }) {
  const facts: string[] = [];
  if (message.model) facts.push(message.model);
  const tokens = message.usage?.completion_tokens;
  if (tokens !== undefined) facts.push(`${count.format(tokens)} ${tokens === 1 ? "token" : "tokens"}`);
  if (message.speed !== null) facts.push(`${formatSpeed(message.speed)} tokens/s`);
  if (facts.length === 0) return null;
  return <span className="usage">{facts.join(" · ")}</span>;
}

export function formatSpeed(tokensPerSecond: number): string {
  return tokensPerSecond < 10
    ? tokensPerSecond.toFixed(1)
    : count.format(Math.round(tokensPerSecond));
}
