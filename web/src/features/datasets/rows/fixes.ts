/** Rows that were mended and are not in a version yet, kept in this browser until they are. */

import { create } from "zustand";

import { recall, remember } from "../../../ui/storage";

export interface Fix {
  /** Which rejected row it mends. */
  number: number;
  row: Record<string, unknown>;
}

interface State {
  name: string;
  fixes: Fix[];
}

const key = (name: string) => `fixes:${name}`;

export const useFixes = create<State>(() => ({ name: "", fixes: [] }));

export function loadFixes(name: string): void {
  if (useFixes.getState().name === name) return;
  useFixes.setState({ name, fixes: recall<Fix[]>(key(name), []) });
}

function put(fixes: Fix[]): void {
  const { name } = useFixes.getState();
  remember(key(name), fixes.length > 0 ? fixes : null);
  useFixes.setState({ fixes });
}

/** The last one for a row counts. */
export function keepFix(fix: Fix): void {
  const others = useFixes.getState().fixes.filter(({ number }) => number !== fix.number);
  put([...others, fix]);
}

export function dropFixes(): void {
  put([]);
}
