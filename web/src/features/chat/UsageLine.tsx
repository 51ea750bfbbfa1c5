import { shortName } from "../../api/names";
import { formatNumber, t } from "../../ui/i18n";
import type { Message } from "./message";

/** Which model, how many tokens, how fast, how soon: as far as it is known. */
export function UsageLine({ message, withModel = true }: { message: Message; withModel?: boolean }) {
  const facts: string[] = [];
  if (withModel && message.model) facts.push(shortName(message.model));
  const tokens = message.usage?.completion_tokens;
  if (tokens !== undefined) {
    const n = formatNumber(tokens);
    facts.push(tokens === 1 ? t("{n} token", { n }) : t("{n} tokens", { n }));
  }
  if (message.speed !== null) facts.push(t("{n} tokens/s", { n: formatSpeed(message.speed) }));
  if (message.firstWord !== null) {
    facts.push(t("first word after {n} s", { n: formatWait(message.firstWord) }));
  }
  if (facts.length === 0) return null;
  return (
    <span className="usage" title={withModel ? (message.model ?? undefined) : undefined}>
      {facts.join(" · ")}
    </span>
  );
}

export function formatSpeed(tokensPerSecond: number): string {
  const digits = tokensPerSecond < 10 ? 1 : 0;
  return formatNumber(tokensPerSecond, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

const formatWait = (seconds: number) =>
  formatNumber(seconds, { maximumFractionDigits: seconds < 1 ? 2 : 1 });
