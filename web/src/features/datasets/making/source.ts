/** What a file says before it is sent: a name for the dataset, and whether it can be sent at all. */

import { t } from "../../../ui/i18n";
import { formatBytes } from "../../../ui/units";

export const ENDINGS = [
  ".jsonl",
  ".ndjson",
  ".json",
  ".csv",
  ".tsv",
  ".txt",
  ".md",
  ".parquet",
  ".arrow",
];
const PACKED = /\.(gz|xz|bz2|zst)$/i;
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?$/;

/** As the server takes it. */
export function isName(name: string): boolean {
  return NAME.test(name) && !name.includes("..");
}

/** `My rows (2).jsonl.gz` → `My-rows-2`. */
export function nameOf(file: string): string {
  let stem = file.replace(PACKED, "");
  const ending = ENDINGS.find((one) => stem.toLowerCase().endsWith(one));
  if (ending !== undefined) stem = stem.slice(0, -ending.length);
  const name = stem.replaceAll(/[^A-Za-z0-9_-]+/g, "-").replace(/^[-_]+/, "").slice(0, 60);
  return name.replace(/[-_]+$/, "") || "dataset";
}

/** A name that is not taken: `talk`, then `talk-2`. */
export function freeName(name: string, taken: ReadonlySet<string>): string {
  let free = name;
  for (let number = 2; taken.has(free); number += 1) free = `${name}-${number}`;
  return free;
}

/** Why a file cannot be sent; null when it can. */
export function refusal(file: { name: string; size: number }, maxBytes: number): string | null {
  if (file.size === 0) return t("This file is empty.");
  if (file.size > maxBytes) {
    return t("This file has {size}; at most {limit} can be sent. Split it, or raise max_file_bytes in config.toml.", {
      size: formatBytes(file.size),
      limit: formatBytes(maxBytes),
    });
  }
  return null;
}
