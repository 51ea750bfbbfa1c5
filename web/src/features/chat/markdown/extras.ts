/** Formulas and code colours: fetched when the first message needs them, then kept. */

import type { MathPlugin } from "streamdown";
import type { Pluggable } from "unified";
import { create } from "zustand";

interface Extras {
  math: MathPlugin | null;
  highlight: Pluggable | null;
}

export const useExtras = create<Extras>(() => ({ math: null, highlight: null }));

const requested = new Set<keyof Extras>();

export function need(extra: keyof Extras): void {
  if (requested.has(extra)) return;
  requested.add(extra);
  const loading = extra === "math" ? loadMath() : loadHighlight();
  // Without the extra, the formula or code is shown plainly; the next message tries again.
  loading.catch(() => requested.delete(extra));
}

async function loadMath(): Promise<void> {
  const { math } = await import("./mathPlugin");
  useExtras.setState({ math });
}

async function loadHighlight(): Promise<void> {
  const { highlight } = await import("./highlightPlugin");
  useExtras.setState({ highlight });
}
