/** Rows that were mended and are not in a version yet, kept in this browser until they are: a version
 * in the making may fail, be cancelled, or die with its server. */

import { create } from "zustand";

import { listPreparations } from "../../../api/preparations";
import { recall, remember } from "../../../ui/storage";

export interface Fix {
  /** Which rejected row it mends. */
  number: number;
  row: Record<string, unknown>;
  /** The preparation of the version that it was last sent for. */
  sent?: string;
}

interface State {
  name: string;
  fixes: Fix[];
}

const key = (name: string) => `fixes:${name}`;

export const useFixes = create<State>(() => ({ name: "", fixes: [] }));

export function loadFixes(name: string): void {
  if (useFixes.getState().name !== name) useFixes.setState({ name, fixes: fixesOf(name) });
}

/** Of any dataset: the one on the screen may have changed while the server was asked. */
function fixesOf(name: string): Fix[] {
  const shown = useFixes.getState();
  return shown.name === name ? shown.fixes : recall<Fix[]>(key(name), []);
}

function put(name: string, fixes: Fix[]): void {
  remember(key(name), fixes.length > 0 ? fixes : null);
  if (useFixes.getState().name === name) useFixes.setState({ fixes });
}

/** The last one for a row counts. */
export function keepFix(name: string, fix: Fix): void {
  put(name, [...fixesOf(name).filter(({ number }) => number !== fix.number), fix]);
}

/** These are on their way into a version; `preparation` makes it. */
export function markSent(name: string, fixes: readonly Fix[], preparation: string): void {
  const rows = new Map(fixes.map(({ number, row }) => [number, JSON.stringify(row)]));
  const mark = (fix: Fix): Fix =>
    rows.get(fix.number) === JSON.stringify(fix.row)
      ? { number: fix.number, row: fix.row, sent: preparation }
      : fix;
  put(name, fixesOf(name).map(mark));
}

/** Drop what is in a version by now, and nothing that was mended or mended anew since it was sent. */
export async function dropMade(name: string): Promise<void> {
  if (!fixesOf(name).some(({ sent }) => sent !== undefined)) return;
  const { data } = await listPreparations();
  const made = new Set(data.filter(({ status }) => status === "finished").map(({ id }) => id));
  put(name, fixesOf(name).filter(({ sent }) => sent === undefined || !made.has(sent)));
}

export function discardFixes(name: string): void {
  put(name, []);
}
