import { create } from "zustand";

import { listModels } from "../../api/models";
import type { Model } from "../../api/types";
import { recall, remember } from "../../ui/storage";

interface Models {
  models: Model[];
  chosen: string | null;
  /** The model that answers beside the chosen one. */
  rival: string | null;
  status: "loading" | "ready" | "failed";
}

export const useModels = create<Models>(() => ({
  models: [],
  chosen: recall<string | null>("model", null),
  rival: null,
  status: "loading",
}));

export async function loadModels(): Promise<void> {
  try {
    useModels.setState({ models: await listModels(), status: "ready" });
  } catch {
    useModels.setState(({ models }) => ({ status: models.length > 0 ? "ready" : "failed" }));
  }
}

export function chooseModel(id: string): void {
  remember("model", id);
  useModels.setState({ chosen: id });
}

/** Have another model answer beside the chosen one; null: none. */
export function chooseRival(id: string | null): void {
  useModels.setState({ rival: id });
}

/** While there are two models to compare. */
export function currentRival(state: Pick<Models, "models" | "chosen" | "rival">): string | null {
  const there = state.models.some(({ id }) => id === state.rival);
  return there && currentModel(state)?.id !== state.rival ? state.rival : null;
}

/** The remembered model while it exists, else the server's default. */
export function currentModel({ models, chosen }: Pick<Models, "models" | "chosen">): Model | null {
  return (
    models.find(({ id }) => id === chosen) ??
    models.find((model) => model.default) ??
    models[0] ??
    null
  );
}
