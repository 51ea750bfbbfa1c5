/** How conversations are ordered and grouped. Pure functions. */

import type { Conversation, Places } from "../../api/types";
import { t } from "../../ui/i18n";

/** As the server orders them: pinned first, then by the last word. */
export function inOrder(items: readonly Conversation[]): Conversation[] {
  return items.toSorted(
    (a, b) => Number(b.pinned) - Number(a.pinned) || b.updated_at - a.updated_at,
  );
}

export interface Group {
  label: string;
  items: Conversation[];
}

export interface Piece {
  text: string;
  found: boolean;
}

/** A text cut at the places that were found in it. */
export function pieces(text: string, places: Places): Piece[] {
  const points = Array.from(text);
  const cut: Piece[] = [];
  let at = 0;
  const add = (to: number, found: boolean) => {
    if (to > at) cut.push({ text: points.slice(at, to).join(""), found });
    at = Math.max(at, to);
  };
  for (const [start, end] of places) {
    add(start, false);
    add(end, true);
  }
  add(points.length, false);
  return cut;
}

const DAY = 86_400;

/** Pinned first, then by the day of the last word. Empty groups are left out. */
export function groupByDay(items: readonly Conversation[], now: Date): Group[] {
  const midnight = new Date(now).setHours(0, 0, 0, 0) / 1000;
  const label = ({ pinned, updated_at: at }: Conversation): string => {
    if (pinned) return t("Pinned");
    if (at >= midnight) return t("Today");
    if (at >= midnight - DAY) return t("Yesterday");
    if (at >= midnight - 7 * DAY) return t("Last 7 days");
    return t("Earlier");
  };
  const order = [t("Pinned"), t("Today"), t("Yesterday"), t("Last 7 days"), t("Earlier")];
  const groups = new Map(order.map((name): [string, Conversation[]] => [name, []]));
  for (const item of items) groups.get(label(item))?.push(item);
  return [...groups]
    .filter(([, group]) => group.length > 0)
    .map(([name, group]) => ({ label: name, items: group }));
}
