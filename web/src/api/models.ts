import { sendJson } from "./http";
import type { Model } from "./types";

export async function listModels(): Promise<Model[]> {
  const { data } = await sendJson<{ data: Model[] }>("GET", "/models");
  return data;
}
