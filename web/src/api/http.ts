/** One way to the server: adds the key, reads errors, notices when nobody is there. */

import { keyRefused, serverAnswered, serverUnreachable } from "./connection";
import { readKey } from "./key";
import type { WireError } from "./types";

/** The server said no. `message` is its own sentence. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    readonly detail: WireError,
  ) {
    super(describeError(detail));
  }
}

/** Nobody answered. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";

  constructor() {
    super("Mini-Claude's server does not answer. Nothing is lost: what you wrote is still here.");
  }
}

export function describeError(error: WireError | string): string {
  if (typeof error === "string") return error;
  const { message, hint } = error;
  return hint && !message.includes(hint) ? `${message} ${hint}` : message;
}

interface SendOptions {
  body?: unknown;
  /** A file, sent as it is instead of `body`. */
  bytes?: Blob;
  /** A file of JSON, sent as it is instead of `body`. */
  file?: Blob;
  signal?: AbortSignal;
  keepalive?: boolean;
}

/** How long a small change may take: later ones of the same thing wait for it. */
export const PATIENCE_MS = 30_000;

const isTimeout = ({ reason }: AbortSignal) =>
  reason instanceof DOMException && reason.name === "TimeoutError";

export async function send(
  method: string,
  path: string,
  { body, bytes, file, signal, keepalive = false }: SendOptions = {},
): Promise<Response> {
  const headers: Record<string, string> = {};
  const key = readKey();
  if (key) headers.authorization = `Bearer ${key}`;
  if (body !== undefined || file !== undefined) headers["content-type"] = "application/json";
  if (bytes !== undefined) headers["content-type"] = "application/octet-stream";
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: bytes ?? file ?? (body === undefined ? null : JSON.stringify(body)),
      cache: "no-store",
      signal: signal ?? null,
      keepalive,
    });
  } catch (error) {
    if (signal?.aborted && !isTimeout(signal)) throw error;
    serverUnreachable();
    throw new UnreachableError();
  }
  serverAnswered();
  if (response.ok) return response;
  if (response.status === 401) keyRefused();
  throw new ApiError(response.status, await readError(response));
}

export async function sendJson<T>(
  method: string,
  path: string,
  options: SendOptions = {},
): Promise<T> {
  const response = await send(method, path, options);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

async function readError(response: Response): Promise<WireError> {
  try {
    const { error } = (await response.json()) as { error: WireError };
    if (typeof error.message === "string") return error;
  } catch {
    // Not our own error body: a proxy in between, perhaps.
  }
  return { message: `The server answered ${response.status} ${response.statusText}.`.trim() };
}
