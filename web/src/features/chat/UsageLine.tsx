import { formatNumber, t } from "../../ui/i18n";
import type { Message } from "./message";

/** Which model, how many tokens, how fast: as far as it is known. */
export function UsageLine({ message }: { message: Message }) {
  const facts: string[] = [];
  if (message.model) facts.push(message.model);
  const tokens = message.usage?.completion_tokens;
  if (tokens === 1) facts.push(t("1 token"));
  else if (tokens !== undefined) facts.push(t("{count} tokens", { count: formatNumber(tokens) }));
  if (message.speed !== null) {
    facts.push(t("{speed} tokens/s", { speed: formatSpeed(message.speed) }));
  }
  if (facts.length === 0) return null;
  return <span className="usage">{facts.join(" · ")}</span>;
}

export function formatSpeed(tokensPerSecond: number): string {
  const digits = tokensPerSecond < 10 ? 1 : 0;
  return formatNumber(tokensPerSecond, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
