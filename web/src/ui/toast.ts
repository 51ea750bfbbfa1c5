/** Short notices at the foot of the page. */

import { create } from "zustand";

import { errorLanguage, errorText } from "./errorText";

export interface Toast {
  id: number;
  tone: "plain" | "error";
  text: string;
  /** Of the text, where it is not the page's. */
  lang?: "en";
  action?: { label: string; run: () => void };
}

const SECONDS = { plain: 6, error: 12 };

let serial = 0;

export const useToasts = create<{ toasts: Toast[] }>(() => ({ toasts: [] }));

export function showToast(toast: Omit<Toast, "id">): number {
  serial += 1;
  const id = serial;
  useToasts.setState(({ toasts }) => ({
    // The same sentence twice is one sentence.
    toasts: [...toasts.filter(({ text }) => text !== toast.text), { ...toast, id }],
  }));
  setTimeout(() => dismissToast(id), SECONDS[toast.tone] * 1000);
  return id;
}

/** What went wrong, in the server's words or, where `error` is a sentence, in the page's. */
export function showError(error: unknown): void {
  const text = errorText(error);
  const lang = error instanceof Error ? errorLanguage(text) : undefined;
  showToast({ tone: "error", text, ...(lang && { lang }) });
}

export function dismissToast(id: number): void {
  useToasts.setState(({ toasts }) => ({ toasts: toasts.filter((toast) => toast.id !== id) }));
}
