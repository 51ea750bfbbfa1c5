/** Prepared datasets: what models are taught from. */

import { send, sendJson } from "./http";

export interface RowCounts {
  rows: number;
  train: number;
  validation: number;
  rejected: number;
  merged: number;
}

export interface Dataset {
  name: string;
  base: string;
  version: number;
  task: "supervised" | "preference" | "kto" | "text";
  created_at: number;
  bytes: number;
  rows: RowCounts;
  sources: string[];
  /** How its rows were said to be read, and mended ones are; null and none where each row tells it. */
  format: string | null;
  columns: Record<string, string>;
}

export interface Lengths {
  count: number;
  median: number;
  p90: number;
  longest: number;
  in_guide: number;
  edges: number[];
  bars: number[];
}

export interface Report {
  task: Dataset["task"];
  tier: { name: string; says: string; examples: number; next: string | null; missing: number };
  accounting: RowCounts;
  formats: { source: string; format: string; why: string }[];
  stages: Record<string, Record<string, unknown>>;
  augmentation: Record<string, unknown>;
  rejections: Record<string, { count: number; cure: string }>;
  measures: {
    lengths_estimated: boolean;
    answers: Lengths;
    kinds: Record<string, number>;
    missing_kinds: string[];
    type_coverage: number;
    trigrams: { windowed: number };
  };
  advice: string[];
}

export type Which = "train" | "validation" | "rejected" | "changed";

export interface Turn {
  role: string;
  text: string;
  cut: boolean;
}

export interface ShortRow {
  turns: Turn[];
  more: number;
  kind: string;
}

export interface KeptRow extends ShortRow {
  number: number;
}

export interface RejectedRow {
  number: number;
  place: string;
  error: string;
  message: string;
  cure: string;
  row: string;
}

export interface WholeRejectedRow extends RejectedRow {
  whole: boolean;
  repeats: { place: string; row: string | null } | null;
}

export interface ChangedRow {
  number: number;
  place: string;
  by: string[];
  before: ShortRow;
  after: ShortRow;
}

export interface RowPage<Row> {
  data: Row[];
  next: number | null;
}

export type Judgement =
  | { kept: true; row: Record<string, unknown> }
  | { kept: false; error: string; message: string; cure: string };

export interface TokenPart {
  label: string;
  count: number;
  learnt: number;
  tokens: { id: number; text: string; learnt: boolean; special: boolean }[];
}

const path = (name: string) => `/datasets/${encodeURIComponent(name)}`;

export function listDatasets(): Promise<{ data: Dataset[]; max_file_bytes: number }> {
  return sendJson("GET", "/datasets");
}

export function getDataset(name: string): Promise<Dataset & { report: Report }> {
  return sendJson("GET", path(name));
}

/** `keepalive` lets the request outlive the page that sent it. */
export function deleteDataset(name: string, { keepalive = false } = {}): Promise<void> {
  return sendJson("DELETE", path(name), { keepalive });
}

export interface RowQuery {
  which: Which;
  after: number;
  query: string;
  error: string;
  signal?: AbortSignal;
}

export function listRows<Row>(name: string, query: RowQuery): Promise<RowPage<Row>> {
  const search = new URLSearchParams({ which: query.which, after: String(query.after) });
  if (query.query) search.set("q", query.query);
  if (query.error) search.set("error", query.error);
  const options = query.signal ? { signal: query.signal } : {};
  return sendJson("GET", `${path(name)}/rows?${search}`, options);
}

export function getRejectedRow(name: string, number: number): Promise<WholeRejectedRow> {
  return sendJson("GET", `${path(name)}/rows/rejected/${number}`);
}

export function getTokens(
  name: string,
  which: "train" | "validation",
  number: number,
  model: string,
  signal: AbortSignal,
): Promise<{ parts: TokenPart[] }> {
  const search = new URLSearchParams(model ? { model } : {});
  return sendJson("GET", `${path(name)}/rows/${which}/${number}/tokens?${search}`, { signal });
}

export function checkRow(name: string, row: Record<string, unknown>): Promise<Judgement> {
  return sendJson("POST", `${path(name)}/check`, { body: { row } });
}

/** Where a dataset's rows can be saved from. */
export function contentPath(name: string, part: "all" | "rejected", format = "openai"): string {
  return `${path(name)}/content?${new URLSearchParams({ part, format })}`;
}

export const reportPath = (name: string) => `${path(name)}/report`;

export async function fetchBlob(address: string): Promise<Blob> {
  return (await send("GET", address)).blob();
}
