/** Uploads. `fetch` cannot tell how far a body has been sent, so one goes by XMLHttpRequest. */

import { keyRefused, serverUnreachable } from "./connection";
import { ApiError, UnreachableError, sendJson } from "./http";
import { readKey } from "./key";
import type { WireError } from "./types";

export interface StoredFile {
  id: string;
  bytes: number;
  created_at: number;
  filename: string;
}

export function listFiles(): Promise<{ data: StoredFile[] }> {
  return sendJson("GET", "/files?purpose=fine-tune&limit=50");
}

export async function deleteFile(id: string): Promise<void> {
  await sendJson("DELETE", `/files/${encodeURIComponent(id)}`);
}

/** onProgress: bytes sent. Throws ApiError, UnreachableError, and AbortError when aborted. */
export function uploadFile(
  file: File,
  onProgress: (sent: number) => void,
  signal: AbortSignal,
): Promise<StoredFile> {
  const form = new FormData();
  form.append("purpose", "fine-tune");
  form.append("file", file);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/files");
    const key = readKey();
    if (key) request.setRequestHeader("authorization", `Bearer ${key}`);
    request.responseType = "json";
    request.upload.addEventListener("progress", ({ loaded }) => onProgress(loaded));
    request.addEventListener("load", () => {
      if (request.status === 200) {
        resolve(request.response as StoredFile);
        return;
      }
      if (request.status === 401) keyRefused();
      reject(new ApiError(request.status, errorOf(request)));
    });
    request.addEventListener("error", () => {
      serverUnreachable();
      reject(new UnreachableError());
    });
    request.addEventListener("abort", () =>
      reject(new DOMException("The upload was stopped.", "AbortError")),
    );
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}

function errorOf(request: XMLHttpRequest): WireError {
  const body = request.response as { error?: WireError } | null;
  return body?.error ?? { message: `The server answered ${request.status}.` };
}
