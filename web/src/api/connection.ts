/** Whether the server can be reached and lets us in; the page shows this and recovers by itself. */

import { create } from "zustand";

import { readKey } from "./key";

interface Connection {
  reachable: boolean;
  keyNeeded: boolean;
  /** Grows by one each time the server comes back or a key is accepted: a cue to load again. */
  epoch: number;
}

export const useConnection = create<Connection>(() => ({
  reachable: true,
  keyNeeded: false,
  epoch: 0,
}));

const FIRST_DELAY_MS = 500;
const LAST_DELAY_MS = 5_000;

let probing = false;

export function serverAnswered(): void {
  if (!useConnection.getState().reachable) {
    useConnection.setState((state) => ({ reachable: true, epoch: state.epoch + 1 }));
  }
}

export function serverUnreachable(): void {
  useConnection.setState({ reachable: false });
  if (!probing) void probe();
}

export function keyRefused(): void {
  useConnection.setState({ keyNeeded: true });
}

export function keyGiven(): void {
  useConnection.setState((state) => ({ keyNeeded: false, epoch: state.epoch + 1 }));
}

/** Knock until somebody opens. Any answer below 500 counts: the server is there. */
async function probe(): Promise<void> {
  probing = true;
  for (let delay = FIRST_DELAY_MS; !useConnection.getState().reachable; ) {
    await new Promise((resolve) => setTimeout(resolve, delay));
    delay = Math.min(delay * 1.6, LAST_DELAY_MS);
    try {
      const key = readKey();
      const headers: HeadersInit = key ? { authorization: `Bearer ${key}` } : {};
      const response = await fetch("/health", { headers, cache: "no-store" });
      if (response.status < 500) serverAnswered();
    } catch {
      // Still down.
    }
  }
  probing = false;
}

/** Run again whenever the server has come back or a key was accepted. Returns what ends that. */
export function onReturn(run: () => void): () => void {
  return useConnection.subscribe((now, before) => {
    if (now.epoch !== before.epoch) run();
  });
}
