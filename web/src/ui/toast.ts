/** Short notices at the foot of the page. */

import { create } from "zustand";

import { errorLanguage, errorText } from "./errorText";

export interface Toast {
  id: number;
  tone: "plain" | "error";
  text: string;
  /** Of the text, where it is not the page's. */
  lang?: "en";
  /** onLapsed: the notice is gone, and nobody did it. */
  action?: { label: string; run: () => void; onLapsed?: () => void };
}

const SECONDS = { plain: 6, error: 12 };

let serial = 0;

export const useToasts = create<{ toasts: Toast[] }>(() => ({ toasts: [] }));

const timers = new Map<number, ReturnType<typeof setTimeout>>();

export function showToast(toast: Omit<Toast, "id">): number {
  serial += 1;
  const shown = { ...toast, id: serial };
  // The same sentence twice is one sentence; but two things to undo are two, even when they have
  // the same name.
  for (const { id, text, action } of useToasts.getState().toasts) {
    if (text === toast.text && action === undefined) take(id);
  }
  useToasts.setState(({ toasts }) => ({ toasts: [...toasts, shown] }));
  start(shown);
  return shown.id;
}

/** Keep a notice while somebody is at it; what this returns lets it go again, all its time before
 * it. */
export function holdToast(id: number): () => void {
  clearTimeout(timers.get(id));
  return () => {
    const toast = useToasts.getState().toasts.find((each) => each.id === id);
    if (toast !== undefined) start(toast);
  };
}

/** What went wrong, in the server's words or, where `error` is a sentence, in the page's. */
export function showError(error: unknown): void {
  const text = errorText(error);
  const lang = error instanceof Error ? errorLanguage(text) : undefined;
  showToast({ tone: "error", text, ...(lang && { lang }) });
}

export function dismissToast(id: number): void {
  take(id)?.action?.onLapsed?.();
}

/** Do what the notice offers. */
export function acceptToast(id: number): void {
  take(id)?.action?.run();
}

function start({ id, tone }: Toast): void {
  clearTimeout(timers.get(id));
  timers.set(
    id,
    setTimeout(() => dismissToast(id), SECONDS[tone] * 1000),
  );
}

/** Take a notice away; undefined where it is gone already. */
function take(id: number): Toast | undefined {
  clearTimeout(timers.get(id));
  timers.delete(id);
  const { toasts } = useToasts.getState();
  useToasts.setState({ toasts: toasts.filter((toast) => toast.id !== id) });
  return toasts.find((toast) => toast.id === id);
}
