/** Datasets in the making. They are made on whether or not anybody watches. */

import { ApiError, UnreachableError, send, sendJson } from "./http";
import { readEvents } from "./sse";
import type { WireError } from "./types";

export interface Step {
  name: string;
  done: number;
  total: number | null;
  began: number;
  ended: number | null;
}

export interface Preparation {
  id: string;
  name: string;
  sources: string[];
  status: "running" | "finished" | "failed" | "cancelled";
  began: number;
  ended: number | null;
  /** By the server's clock, as all times here. */
  now: number;
  steps: Step[];
  reports: Record<string, Record<string, unknown>>;
  error: WireError | null;
}

export interface NewDataset {
  name: string;
  sources: string[];
  validation: number;
  augment: boolean;
  format?: string;
}

export function prepareDataset(body: NewDataset): Promise<Preparation> {
  return sendJson("POST", "/datasets", { body });
}

export function mendDataset(
  name: string,
  rows: Record<string, unknown>[],
): Promise<Preparation> {
  const path = `/datasets/${encodeURIComponent(name)}/versions`;
  return sendJson("POST", path, { body: { rows } });
}

export function listPreparations(): Promise<{ data: Preparation[] }> {
  return sendJson("GET", "/preparations");
}

export function cancelPreparation(id: string): Promise<Preparation> {
  return sendJson("POST", `/preparations/${encodeURIComponent(id)}/cancel`);
}

const AGAIN_MS = 1_000;

/** Tell every state of a preparation until it has ended, asking again when the line breaks. Throws
 * ApiError when the server does not know it any more. */
export async function followPreparation(
  id: string,
  onState: (state: Preparation) => void,
): Promise<void> {
  for (;;) {
    try {
      const response = await send("GET", `/preparations/${encodeURIComponent(id)}/events`);
      if (response.body === null) throw new UnreachableError();
      for await (const { data } of readEvents(response.body)) {
        if (data === "[DONE]") return;
        const state = JSON.parse(data) as Preparation;
        if (!("status" in state)) break; // an error: the server is stopping
        onState(state);
        if (state.status !== "running") return;
      }
    } catch (error) {
      if (error instanceof ApiError && error.status < 500 && error.status !== 429) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}
