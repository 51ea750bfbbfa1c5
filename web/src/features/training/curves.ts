/** What a run told of its steps, as columns that can be drawn. */

import type { JobEvent } from "../../api/training";

type Numbers = Readonly<Record<string, number>>;

export interface Curves {
  /** Numbers by step; a step that was done twice has those of the second time. */
  points: ReadonlyMap<number, Numbers>;
  /** Steps of the whole run; 0 while nobody knows. */
  total: number;
}

export const NO_CURVES: Curves = { points: new Map(), total: 0 };

/** The curves with more events, the same object when they tell of no step. */
export function withEvents(curves: Curves, events: readonly JobEvent[]): Curves {
  let { total } = curves;
  let points: Map<number, Numbers> | null = null;
  for (const { type, data } of events) {
    if (data === null) continue;
    total = data.total_steps ?? total;
    if (type !== "metrics" || data.step === undefined) continue;
    points ??= new Map(curves.points);
    points.set(data.step, { ...points.get(data.step), ...data });
  }
  return points === null && total === curves.total
    ? curves
    : { points: points ?? curves.points, total };
}

export interface Columns {
  steps: number[];
  /** Null where a step has no such number. */
  of: (name: string) => (number | null)[];
  has: (name: string) => boolean;
  last: (name: string) => number | null;
  first: (name: string) => number | null;
}

/** In order of steps. from: leaves out earlier ones, such as step 0 before anything was learnt. */
export function columnsOf({ points }: Curves, from = 1): Columns {
  const steps = [...points.keys()].filter((step) => step >= from).toSorted((a, b) => a - b);
  const of = (name: string) => steps.map((step) => points.get(step)?.[name] ?? null);
  const known = (name: string) => of(name).filter((value) => value !== null);
  return {
    steps,
    of,
    has: (name) => steps.some((step) => points.get(step)?.[name] !== undefined),
    last: (name) => known(name).at(-1) ?? null,
    first: (name) => known(name)[0] ?? null,
  };
}

/** An exponential mean that follows more slowly the more steps there are. */
export function smooth(values: readonly (number | null)[]): (number | null)[] {
  const keep = 1 - Math.min(1, 20 / Math.max(values.length, 1));
  let mean: number | null = null;
  return values.map((value) => {
    if (value === null) return null;
    mean = mean === null ? value : keep * mean + (1 - keep) * value;
    return mean;
  });
}

/** Up to `count` of 0 … length − 1, evenly spread, the first and the last among them. */
export function spread(length: number, count: number): number[] {
  if (length <= count) return Array.from({ length }, (_, index) => index);
  return Array.from({ length: count }, (_, index) =>
    Math.round((index * (length - 1)) / (count - 1)),
  );
}

/** Several runs over the union of their steps. */
export function aligned(
  columns: readonly Columns[],
  name: string,
): { steps: number[]; values: (number | null)[][] } {
  const steps = [...new Set(columns.flatMap((one) => one.steps))].toSorted((a, b) => a - b);
  const values = columns.map((one) => {
    const own = one.of(name);
    const at = new Map(one.steps.map((step, index) => [step, own[index] ?? null]));
    return steps.map((step) => at.get(step) ?? null);
  });
  return { steps, values };
}

/** The least of what is known, for a held-out loss the best. */
export function least(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.min(...known);
}
