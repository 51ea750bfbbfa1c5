/** Teaching a model: jobs, what they tell, and what one would take. Times are Unix seconds. */

import { ApiError, UnreachableError, send, sendJson } from "./http";
import { pause } from "./pause";
import { readEvents } from "./sse";
import type { WireError } from "./types";

export type JobStatus =
  | "validating_files"
  | "queued"
  | "running"
  | "paused"
  | "succeeded"
  | "failed"
  | "cancelled";
export type Objective = "supervised" | "dpo" | "kto";
export type Hyperparameters = Record<string, string | number | boolean | string[]>;

export interface Job {
  id: string;
  status: JobStatus;
  model: string;
  training_file: string;
  validation_file: string | null;
  user_provided_suffix: string | null;
  seed: number;
  method: { type: Objective } & Partial<Record<Objective, { hyperparameters: Hyperparameters }>>;
  created_at: number;
  finished_at: number | null;
  estimated_finish: number | null;
  fine_tuned_model: string | null;
  trained_tokens: number | null;
  result_files: string[];
  error: { code: string; message: string; param: string | null } | null;
}

export interface JobEvent {
  id: string;
  created_at: number;
  level: "info" | "warn" | "error";
  message: string;
  type: "message" | "metrics";
  data: Record<string, number> | null;
}

export interface Sample {
  prompt: string;
  answer: string;
}

export interface Checkpoint {
  id: string;
  step_number: number;
  metrics: Record<string, number>;
  samples: Sample[];
}

export interface NewJob {
  model: string;
  training_file: string;
  validation_file?: string;
  suffix?: string;
  seed?: number;
  method: Job["method"];
}

export interface Forecast {
  fits: boolean;
  problem: { message: string; hint: string } | null;
  steps: number | null;
  seconds: number | null;
  trained_tokens: number | null;
  memory_bytes: number | null;
  memory_free: number | null;
  settings: Record<string, unknown>;
  reasons: { level: "info" | "warn" | "error"; message: string }[];
}

export interface Base {
  id: string;
  bytes: number;
  context: number;
  default: boolean;
}

export interface DatasetName {
  name: string;
  task: string;
  rows: { train: number };
}

interface Listed<T> {
  data: T[];
  has_more: boolean;
}

const JOBS = "/fine_tuning/jobs";
const path = (id: string) => `${JOBS}/${encodeURIComponent(id)}`;

export const isFinished = ({ status }: Pick<Job, "status">) =>
  status === "succeeded" || status === "failed" || status === "cancelled";

export function listJobs(limit: number, after?: string): Promise<Listed<Job>> {
  const more = after === undefined ? "" : `&after=${encodeURIComponent(after)}`;
  return sendJson("GET", `${JOBS}?limit=${limit}${more}`);
}

export const getJob = (id: string): Promise<Job> => sendJson("GET", path(id));

export const createJob = (body: NewJob): Promise<Job> => sendJson("POST", JOBS, { body });

export const actOnJob = (id: string, verb: "pause" | "resume" | "cancel"): Promise<Job> =>
  sendJson("POST", `${path(id)}/${verb}`);

/** Aborting ends the work behind it. */
export const foresee = (body: NewJob, signal: AbortSignal): Promise<Forecast> =>
  sendJson("POST", "/fine_tuning/preflight", { body, signal });

export async function listBases(): Promise<Base[]> {
  return (await sendJson<Listed<Base>>("GET", "/fine_tuning/bases")).data;
}

/** Prepared datasets; none where the server does not list them. */
export async function listDatasetNames(): Promise<DatasetName[]> {
  try {
    return (await sendJson<Listed<DatasetName>>("GET", "/datasets")).data;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return [];
    throw error;
  }
}

export async function listCheckpoints(id: string): Promise<Checkpoint[]> {
  const { data } = await sendJson<Listed<Checkpoint>>("GET", `${path(id)}/checkpoints?limit=100`);
  return data.toReversed();
}

const MOST_PAGES = 20;

/** All that a job has told so far, the oldest first. */
export async function listEvents(id: string): Promise<JobEvent[]> {
  const pages: JobEvent[][] = [];
  for (let after = ""; pages.length < MOST_PAGES; ) {
    const { data, has_more } = await sendJson<Listed<JobEvent>>(
      "GET",
      `${path(id)}/events?limit=1000${after}`,
    );
    pages.push(data);
    const last = data.at(-1);
    if (!has_more || last === undefined) break;
    after = `&after=${last.id}`;
  }
  return pages.flat().toReversed();
}

const FIRST_DELAY_MS = 500;
const LAST_DELAY_MS = 10_000;

/**
 * A job's events from `after` on, each once and in order, until the job is finished, reconnecting
 * as often as it takes. Resolves to the id of the last one. Throws ApiError when the server
 * refuses and the signal's reason when aborted.
 */
export async function followEvents(
  id: string,
  after: string | null,
  onEvent: (event: JobEvent) => void,
  signal: AbortSignal,
): Promise<string | null> {
  let last = after;
  for (let delay = FIRST_DELAY_MS; ; delay = Math.min(delay * 2, LAST_DELAY_MS)) {
    try {
      const from = last === null ? "" : `&after=${last}`;
      const { body } = await send("GET", `${path(id)}/events?stream=true${from}`, { signal });
      if (body === null) throw new UnreachableError();
      for await (const { data } of readEvents(body)) {
        if (data === "[DONE]") return last;
        const event = JSON.parse(data) as JobEvent | { error: WireError };
        if ("error" in event) break; // the server is stopping, or its database is away
        last = event.id;
        delay = FIRST_DELAY_MS;
        onEvent(event);
      }
    } catch (error) {
      if (signal.aborted) throw error;
      if (error instanceof ApiError && error.status < 500 && error.status !== 429) throw error;
    }
    await pause(delay, signal);
  }
}

export interface Evaluation {
  verdict: string;
  learnt: boolean;
  facts: Record<string, string>;
  before: Record<string, number | string | null>;
  after: Record<string, number | string | null>;
  samples: {
    place: string;
    prompt: { role: string; content: string }[];
    wanted: string;
    before: string | null;
    after: string | null;
  }[];
}

const EVALUATION = "evaluation.json";

/** files: a job's `result_files`. What it wrote about before and after; null when nothing was held out. */
export async function getEvaluation(files: string[]): Promise<Evaluation | null> {
  for (const id of files.filter(Boolean)) {
    const file = `/files/${encodeURIComponent(id)}`;
    const { filename } = await sendJson<{ filename: string }>("GET", file);
    if (filename === EVALUATION) return sendJson("GET", `${file}/content`);
  }
  return null;
}
