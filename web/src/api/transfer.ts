/** Conversations as files: saved from the server, and sent to it. */

import { send, sendJson } from "./http";

export interface Imported {
  source: string;
  conversations: number;
  messages: number;
  left_out: { what: string; count: number }[];
  first_id: string | null;
}

export function importFile(file: Blob): Promise<Imported> {
  return sendJson("POST", "/conversations/import", { file });
}

/** `leaf`: the message that ends the branch; null for the one the server knows as last shown. */
export function exportPath(conversation: string, format: string, leaf: string | null): string {
  const search = new URLSearchParams({ format });
  if (leaf !== null) search.set("leaf", leaf);
  return `/conversations/${encodeURIComponent(conversation)}/export?${search}`;
}

/** Fetch a file with our key, and have the browser save it under the server's name. */
export async function saveFile(path: string): Promise<void> {
  const response = await send("GET", path);
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = nameOf(response.headers.get("content-disposition") ?? "");
  document.body.append(link);
  link.click();
  link.remove();
  // The browser reads it a little later.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

export function nameOf(disposition: string): string {
  const encoded = /filename\*=UTF-8''([^;]+)/.exec(disposition)?.[1];
  try {
    return encoded ? decodeURIComponent(encoded) : "export";
  } catch {
    return "export";
  }
}
