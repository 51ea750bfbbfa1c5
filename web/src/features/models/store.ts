import { create } from "zustand";

import { listModels } from "../../api/models";
import type { Model } from "../../api/types";
import { recall, remember } from "../../ui/storage";

interface Models {
  models: Model[];
  chosen: string | null;
  status: "loading" | "ready" | "failed";
}

export const useModels = create<Models>(() => ({
  models: [],
  chosen: recall<string | null>("model", null),
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

/** The remembered model while it exists, else the server's default. */
export function currentModel({ models, chosen }: Pick<Models, "models" | "chosen">): Model | null {
  return (
    models.find(({ id }) => id === chosen) ??
    models.find((model) => model.default) ??
    models[0] ??
    null
  );
}
