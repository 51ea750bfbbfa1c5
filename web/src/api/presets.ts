import { sendJson } from "./http";
import type { Preset, Tool, TurnSettings } from "./types";

export async function listPresets(): Promise<Preset[]> {
  return (await sendJson<{ data: Preset[] }>("GET", "/presets")).data;
}

/** What had that name before gives way. */
export function savePreset(name: string, settings: TurnSettings): Promise<Preset> {
  return sendJson("POST", "/presets", { body: { name, settings } });
}

export function deletePreset(id: string): Promise<void> {
  return sendJson("DELETE", `/presets/${encodeURIComponent(id)}`);
}

/** The tools that an answer may call. */
export async function listTools(): Promise<Tool[]> {
  return (await sendJson<{ data: Tool[] }>("GET", "/tools")).data;
}
