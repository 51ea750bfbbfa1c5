/** How answers are drawn in one conversation; kept in this browser. */

import { create } from "zustand";

import type { TurnSettings } from "../../api/types";
import { recall, remember } from "../../ui/storage";
import { isLocalId } from "./message";

const name = (id: string) => `settings:${id}`;
const NONE: TurnSettings = {};

const useAll = create<{ byId: Record<string, TurnSettings> }>(() => ({ byId: {} }));

export function useTurnSettings(id: string): TurnSettings {
  return useAll(({ byId }) => byId[id]) ?? recallOnce(id);
}

const recalled = new Map<string, TurnSettings>();

function recallOnce(id: string): TurnSettings {
  const known = recalled.get(id);
  if (known) return known;
  const settings = clean(recall<TurnSettings>(name(id), NONE));
  recalled.set(id, settings);
  return settings;
}

export function saveTurnSettings(id: string, settings: TurnSettings): void {
  const kept = clean(settings);
  useAll.setState(({ byId }) => ({ byId: { ...byId, [id]: kept } }));
  if (!isLocalId(id)) remember(name(id), Object.keys(kept).length > 0 ? kept : null);
}

/** A new chat has become a conversation: its settings go with it. */
export function adoptTurnSettings(from: string, to: string): void {
  const { [from]: settings, ...others } = useAll.getState().byId;
  if (settings === undefined) return;
  useAll.setState({ byId: others });
  saveTurnSettings(to, settings);
}

/** Drop what is empty or no number, so that the server's defaults apply. */
export function clean(settings: TurnSettings): TurnSettings {
  const kept: TurnSettings = {};
  const { temperature, max_tokens: maxTokens, system } = settings;
  if (typeof temperature === "number" && Number.isFinite(temperature)) {
    kept.temperature = Math.min(Math.max(temperature, 0), 2);
  }
  if (typeof maxTokens === "number" && Number.isFinite(maxTokens) && maxTokens >= 1) {
    kept.max_tokens = Math.floor(maxTokens);
  }
  if (typeof system === "string" && system.trim() !== "") kept.system = system.trim();
  return kept;
}
