/** Other services whose models are offered. A key is sent, and never comes back. */

import { sendJson } from "./http";

export type ProviderKind = "anthropic" | "openai";

/** Whether its models take pictures, or the names of those that do; null is as the kind has it. */
export type Vision = boolean | string[] | null;

export interface Provider {
  name: string;
  kind: string;
  base_url: string | null;
  key_set: boolean;
  vision: Vision;
  /** config.toml or the environment says so; the page cannot change it. */
  fixed: boolean;
}

export interface ProviderChange {
  kind: ProviderKind;
  base_url: string | null;
  /** Absent: the stored one stays. Null: it is removed. */
  api_key?: string | null;
  vision: Vision;
}

export interface ProviderTest {
  ok: boolean;
  problem: string | null;
  models: string[];
  count: number;
}

const path = (name: string) => `/providers/${encodeURIComponent(name)}`;

export async function listProviders(): Promise<Provider[]> {
  return (await sendJson<{ data: Provider[] }>("GET", "/providers")).data;
}

export const putProvider = (name: string, change: ProviderChange) =>
  sendJson<Provider>("PUT", path(name), { body: change });

export const deleteProvider = (name: string) => sendJson<unknown>("DELETE", path(name));

export const testProvider = (name: string) => sendJson<ProviderTest>("POST", `${path(name)}/test`);
