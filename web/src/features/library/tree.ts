/** Models in the order of a family: whole ones, and under each what was tuned on it. */

import type { LibraryModel } from "../../api/library";

export interface Family {
  /** Null where the base is not installed any more. */
  base: LibraryModel | null;
  name: string;
  tuned: LibraryModel[];
}

export function families(models: LibraryModel[]): Family[] {
  const found = new Map<string, Family>();
  for (const model of models) {
    if (model.lineage === null) found.set(model.id, { base: model, name: model.id, tuned: [] });
  }
  for (const model of models) {
    if (model.lineage === null) continue;
    const name = rootOf(model, models);
    const family = found.get(name) ?? { base: null, name, tuned: [] };
    family.tuned.push(model);
    found.set(name, family);
  }
  return [...found.values()];
}

/** The model at the beginning, through bases that were tuned themselves. */
function rootOf(model: LibraryModel, models: LibraryModel[]): string {
  let name = model.lineage?.base ?? model.id;
  for (const seen = new Set<string>(); !seen.has(name); ) {
    seen.add(name);
    const above = models.find(({ id }) => id === name)?.lineage;
    if (!above) break;
    name = above.base;
  }
  return name;
}

/** `ft:base:org:suffix:id` → `suffix`, or the id where there is none: what a person recognises. */
export function shortName(id: string): string {
  const parts = id.split(":");
  if (parts[0] !== "ft" || parts.length < 5) return id;
  return parts.at(-2) || (parts.at(-1) ?? id);
}

/** 4_200_000 → [4.2, "M"]. */
export function inUnits(count: number): [number, string] {
  if (count >= 1e9) return [count / 1e9, "B"];
  if (count >= 1e6) return [count / 1e6, "M"];
  if (count >= 1e3) return [count / 1e3, "k"];
  return [count, ""];
}
