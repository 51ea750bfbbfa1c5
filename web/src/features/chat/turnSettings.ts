/** How answers are drawn in each conversation; kept by the server, so that every device has it. */

import { create } from "zustand";

import { onReturn } from "../../api/connection";
import { changeConversation } from "../../api/conversations";
import { ApiError } from "../../api/http";
import type { TurnSettings } from "../../api/types";
import { errorText } from "../../ui/errorText";
import { t } from "../../ui/i18n";
import { showToast } from "../../ui/toast";
import { isLocalId } from "./message";

const NONE: TurnSettings = {};
const SAVE_AFTER_MS = 500;
export const ALTERNATIVES = 5;

const useAll = create<{ byId: Record<string, TurnSettings> }>(() => ({ byId: {} }));

/** The conversation whose settings the server has just taken: another tab that kept the ones before
 * would send them all back with its next change. */
export const useSettingsStored = create<{ stored: { id: string } | null }>(() => ({ stored: null }));

/** Changes that the server has not heard of yet, and those on their way to it. */
const waiting = new Map<string, ReturnType<typeof setTimeout>>();
const sending = new Map<string, number>();
/** Changes that did not get there. They hold on this page, and go again once the server is back. */
const unstored = new Set<string>();
/** How often a conversation's settings were changed here, or heard of by the server. */
const serials = new Map<string, number>();

const count = (id: string) => serials.set(id, settingsSerial(id) + 1);

/** Ask before the server is asked; `settingsLoaded` then knows an answer that is too old. */
export function settingsSerial(id: string): number {
  return serials.get(id) ?? 0;
}

export function useTurnSettings(id: string): TurnSettings {
  return useAll(({ byId }) => byId[id]) ?? NONE;
}

export function settingsOf(id: string): TurnSettings {
  return useAll.getState().byId[id] ?? NONE;
}

export function saveTurnSettings(id: string, settings: TurnSettings): void {
  const kept = clean(settings);
  useAll.setState(({ byId }) => ({ byId: { ...byId, [id]: kept } }));
  count(id);
  if (isLocalId(id)) return;
  clearTimeout(waiting.get(id));
  waiting.set(
    id,
    setTimeout(() => send(id), SAVE_AFTER_MS),
  );
}

/** What the server has. A change that was made here since it was asked (`serial`) is newer. */
export function settingsLoaded(id: string, settings: TurnSettings, serial: number): void {
  if (waiting.has(id) || sending.has(id) || unstored.has(id)) return;
  if (serial !== settingsSerial(id)) return;
  useAll.setState(({ byId }) => ({ byId: { ...byId, [id]: clean(settings) } }));
}

/** A new chat has become a conversation: its settings go with it. */
export function adoptTurnSettings(from: string, to: string): void {
  const { [from]: settings, ...others } = useAll.getState().byId;
  if (settings === undefined || from === to) return;
  useAll.setState({ byId: others });
  if (Object.keys(settings).length === 0) return;
  saveTurnSettings(to, settings);
  // At once, for nobody is typing: a page that is loaded again before it was sent has none.
  if (waiting.has(to)) send(to);
}

function send(id: string, keepalive = false): void {
  clearTimeout(waiting.get(id));
  waiting.delete(id);
  const settings = settingsOf(id);
  sending.set(id, (sending.get(id) ?? 0) + 1);
  const settled = () => {
    count(id);
    const left = (sending.get(id) ?? 1) - 1;
    if (left > 0) sending.set(id, left);
    else sending.delete(id);
  };
  const stored = () => {
    settled();
    if (settingsOf(id) === settings) unstored.delete(id);
    useSettingsStored.setState({ stored: { id } });
  };
  const failed = (error: unknown) => {
    settled();
    if (isFinal(error)) {
      unstored.delete(id);
      const why = errorText(error);
      showToast({ tone: "error", text: t("The settings could not be stored. {why}", { why }) });
    } else {
      unstored.add(id); // a server that is away has its own notice
    }
  };
  changeConversation(id, { settings }, { keepalive }).then(stored, failed);
}

/** The server has understood, and will say the same to the same again. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.status < 500 && error.status !== 401 && error.status !== 429;
}

onReturn(() => {
  for (const id of unstored) if (!waiting.has(id)) send(id);
});

if (typeof addEventListener === "function") {
  addEventListener("pagehide", () => {
    for (const id of new Set([...waiting.keys(), ...unstored])) send(id, true);
  });
}

/** Drop what is empty or no number, so that the server's defaults apply. */
export function clean(settings: TurnSettings): TurnSettings {
  const { temperature, max_tokens: maxTokens, system, ...others } = settings;
  const kept: TurnSettings = others;
  if (typeof temperature === "number" && Number.isFinite(temperature)) {
    kept.temperature = Math.min(Math.max(temperature, 0), 2);
  }
  if (typeof maxTokens === "number" && Number.isFinite(maxTokens) && maxTokens >= 1) {
    kept.max_tokens = Math.floor(maxTokens);
  }
  if (typeof system === "string" && system.trim() !== "") kept.system = system.trim();
  for (const name of ["tools", "ask_leave", "logprobs"] as const) {
    if (kept[name] === undefined || kept[name] === false) delete kept[name];
  }
  return kept;
}
