/** The models on this machine: what each costs, and what can be done with it. */

import { ApiError, UnreachableError, send, sendJson } from "./http";
import { pause } from "./pause";
import { readEvents } from "./sse";
import type { WireError } from "./types";

export interface Lineage {
  base: string;
  base_installed: boolean;
  method: string;
  data: { name: string | null; rows: number | null; held_out: number | null };
  job: { id: string; created_at: number } | null;
  scores: Record<string, { before: number; after: number }>;
}

export interface LibraryModel {
  id: string;
  kind: "model" | "adapter";
  bytes: number;
  parameters: number | null;
  dtype: string | null;
  packed: boolean;
  /** Tokens; 0 when nobody knows. */
  context: number;
  /** Bytes, by the number format it is held in. */
  memory: Record<string, number>;
  created: number;
  bundled: boolean;
  default: boolean;
  loaded: boolean;
  needed_by: string[];
  source: string | null;
  lineage: Lineage | null;
}

export interface ExportedModel {
  name: string;
  bytes: number;
  created: number;
  file: boolean;
}

export interface Library {
  models: LibraryModel[];
  exports: ExportedModel[];
  default: string | null;
  default_fixed: boolean;
  free: number;
  hub: string;
}

export interface Needs {
  model: string;
  files: number;
  bytes: number;
  bytes_here: number;
  free: number;
  parameters: number;
  dtype: string | null;
  memory: Record<string, number>;
  installed: boolean;
}

export interface Task {
  id: string;
  kind: "pull" | "quantize" | "export";
  model: string;
  to: string | null;
  status: "running" | "succeeded" | "failed" | "cancelled";
  done: number;
  total: number;
  file: string;
  notes: string[];
  result: string | null;
  error: WireError | null;
}

export interface NewTask {
  kind: Task["kind"];
  model: string;
  to?: string;
  name?: string;
}

export const getLibrary = () => sendJson<Library>("GET", "/library");

export const getNeeds = (model: string) =>
  sendJson<Needs>("POST", "/library/needs", { body: { model } });

export const startTask = (task: NewTask) =>
  sendJson<Task>("POST", "/library/tasks", { body: task });

export const cancelTask = (id: string) => sendJson<Task>("POST", `/library/tasks/${id}/cancel`);

export async function listTasks(): Promise<Task[]> {
  return (await sendJson<{ data: Task[] }>("GET", "/library/tasks")).data;
}

const AGAIN_MS = 1_000;

/** A task's states until it has ended, asking again when the line breaks. Throws ApiError when the
 * server refuses, or does not know it any more, and the signal's reason when aborted. */
export async function* watchTask(id: string, signal: AbortSignal): AsyncGenerator<Task> {
  for (;;) {
    try {
      const response = await send("GET", `/library/tasks/${id}/events`, { signal });
      if (response.body === null) throw new UnreachableError();
      for await (const { data } of readEvents(response.body)) {
        const state = JSON.parse(data) as Task | { error: WireError };
        if (!("status" in state)) break; // an error: the server is stopping
        yield state;
        if (state.status !== "running") return;
      }
    } catch (error) {
      if (signal.aborted) throw error;
      if (error instanceof ApiError && error.status < 500 && error.status !== 429) throw error;
    }
    await pause(AGAIN_MS, signal);
  }
}

export const setDefault = (model: string) =>
  sendJson<{ model: string; kept: boolean }>("PUT", "/library/default", { body: { model } });

export const removeModel = (model: string) =>
  sendJson<{ id: string; undo_seconds: number }>("POST", "/library/remove", { body: { model } });

export const restoreModel = (id: string) =>
  sendJson<unknown>("POST", `/library/removed/${id}/restore`);

export const deleteExport = (name: string) =>
  sendJson<unknown>("DELETE", `/library/exports/${encodeURIComponent(name)}`);

export const exportAddress = (name: string) => `/library/exports/${encodeURIComponent(name)}`;
