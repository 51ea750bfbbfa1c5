/** Numbers with their units, short enough for a table. */

import { formatNumber } from "./i18n";

const SIZES = ["B", "kB", "MB", "GB", "TB"];

/** In powers of 1,000, as disks are sold. */
export function formatBytes(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 999.5 && unit < SIZES.length - 1) {
    size /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || size >= 99.5 ? 0 : 1;
  return `${formatNumber(size, { maximumFractionDigits: digits })} ${SIZES[unit]}`;
}

const pad = (value: number) => String(value).padStart(2, "0");

/** `2 h 05 min`, `3 min 20 s`, `12 s`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  if (hours > 0) return `${hours} h ${pad(minutes)} min`;
  if (minutes > 0) return `${minutes} min ${pad(whole % 60)} s`;
  return `${whole} s`;
}

/** A moment as people of the page's language write it. unix: seconds. */
export function formatMoment(unix: number, language: string): string {
  const format = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  return format.format(new Date(unix * 1000));
}
