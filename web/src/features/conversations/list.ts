/** How conversations are put together and in order. Pure functions. */

import type { Conversation, Page } from "../../api/types";

interface Shown {
  items: Conversation[];
  hasMore: boolean;
}

/** A fresh first page over what is shown: older items further down stay where they are. */
export function joinPages(shown: Shown, page: Page<Conversation>): Shown {
  const last = page.data.at(-1);
  if (!page.has_more || last === undefined) return { items: page.data, hasMore: false };
  const fresh = new Set(page.data.map(({ id }) => id));
  const older = shown.items.filter(
    ({ id, updated_at: at }) => !fresh.has(id) && at <= last.updated_at,
  );
  return { items: [...page.data, ...older], hasMore: shown.hasMore || page.has_more };
}

export interface Group {
  label: string;
  items: Conversation[];
}

const DAY = 86_400;

/** Pinned first, then by the day of the last word, what is archived last. Empty groups are left out. */
export function groupByDay(items: readonly Conversation[], now: Date): Group[] {
  const midnight = new Date(now).setHours(0, 0, 0, 0) / 1000;
  const label = ({ pinned, archived, updated_at: at }: Conversation): string => {
    if (archived) return "Archived";
    if (pinned) return "Pinned";
    if (at >= midnight) return "Today";
    if (at >= midnight - DAY) return "Yesterday";
    if (at >= midnight - 7 * DAY) return "Last 7 days";
    return "Earlier";
  };
  const order = ["Pinned", "Today", "Yesterday", "Last 7 days", "Earlier", "Archived"];
  const groups = new Map(order.map((name): [string, Conversation[]] => [name, []]));
  for (const item of items) groups.get(label(item))?.push(item);
  return [...groups]
    .filter(([, group]) => group.length > 0)
    .map(([name, group]) => ({ label: name, items: group }));
}
