import { formatNumber, t } from "../../ui/i18n";

/** 131072 → 128k, 2048 → 2k, 512 → 512 tokens. */
export function formatContext(tokens: number): string {
  return tokens >= 1024 ? `${Math.round(tokens / 1024)}k` : t("{n} tokens", { n: tokens });
}

/** 3871488 → 3.9M, as people say how large a model is. */
export function formatCount(count: number): string {
  return formatNumber(count, { notation: "compact", maximumSignificantDigits: 2 });
}
