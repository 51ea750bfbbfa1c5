/** How far a preparation is, for people. */

import type { Preparation, Step } from "../../../api/preparations";

export const STEPS = ["clean", "split", "augment", "write"];

export type StepState = "waiting" | "running" | "done" | "stopped" | "skipped";

/** `split` is done within `clean` where several processes share the work, and `augment` may have
 * nothing to do: a step that never began before a later one did is skipped. */
export function stepState(preparation: Preparation, name: string): StepState {
  const at = preparation.steps.findIndex((step) => step.name === name);
  const last = preparation.steps.length - 1;
  if (at < 0) {
    const later = preparation.steps.some(
      (step) => STEPS.indexOf(step.name) > STEPS.indexOf(name),
    );
    return later || preparation.status === "finished" ? "skipped" : "waiting";
  }
  if (at < last || preparation.status === "finished") return "done";
  return preparation.status === "running" ? "running" : "stopped";
}

/** From 0 to 1; null while nobody knows. */
export function share({ done, total }: Step): number | null {
  return total === null || total === 0 ? null : Math.min(1, done / total);
}

const ENOUGH_SECONDS = 1;

/** Seconds until this step is done at the pace so far; null while it is too early to tell.
 * now: seconds since 1970, by the server's clock. */
export function secondsLeft(step: Step, now: number): number | null {
  const passed = now - step.began;
  const part = share(step);
  if (part === null || part === 0 || part === 1 || passed < ENOUGH_SECONDS) return null;
  return (passed * (1 - part)) / part;
}

/** What a finished step reported, as a few numbers: rows read and repaired, held out and left out,
 * requests varied. */
export interface StepFacts {
  read?: number;
  changed?: number;
  masked?: number;
  heldOut?: number;
  leftOut?: number;
  varied?: number;
}

type Facts = Record<string, unknown>;

const numberOf = (facts: unknown, ...path: string[]): number | undefined => {
  const value = path.reduce<unknown>((inner, name) => (inner as Facts | undefined)?.[name], facts);
  return typeof value === "number" && value > 0 ? value : undefined;
};

export function stepFacts(reports: Preparation["reports"], step: string): StepFacts {
  const report = reports[step];
  const facts: Record<keyof StepFacts, number | undefined> = {
    read: step === "clean" ? numberOf(report, "rows") : undefined,
    changed: numberOf(report, "stages", "clean", "changed"),
    masked: numberOf(report, "stages", "personal_data", "changed"),
    heldOut: numberOf(report, "counts", "validation"),
    leftOut: numberOf(report, "counts", "rejected"),
    varied: numberOf(report, "varied_requests"),
  };
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

/** Rows that were left out so far, as the finished steps have reported. */
export function rejectedSoFar(reports: Preparation["reports"]): number | null {
  const counts = reports.split?.counts as { rejected?: number } | undefined;
  return counts?.rejected ?? null;
}
