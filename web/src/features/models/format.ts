import { t } from "../../ui/i18n";

/** 131072 → 128k, 2048 → 2k, 512 → 512 tokens. */
export function formatContext(tokens: number): string {
  return tokens >= 1024 ? `${Math.round(tokens / 1024)}k` : t("{count} tokens", { count: tokens });
}
