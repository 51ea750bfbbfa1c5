/** Models in the order of a family: whole ones, and under each what was tuned on it. */

import type { LibraryModel } from "../../api/library";
import { t } from "../../ui/i18n";

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

export function methodName(method: string): string {
  if (method === "full") return t("all weights");
  return { lora: "LoRA", qlora: "QLoRA" }[method] ?? method;
}

/** 4_200_000 → [4.2, "M"]. */
export function inUnits(count: number): [number, string] {
  if (count >= 1e9) return [count / 1e9, "B"];
  if (count >= 1e6) return [count / 1e6, "M"];
  if (count >= 1e3) return [count / 1e3, "k"];
  return [count, ""];
}
