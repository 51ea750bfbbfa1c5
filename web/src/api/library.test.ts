import { afterEach, expect, it, vi } from "vitest";

import { ApiError } from "./http";
import { type Task, watchTask } from "./library";

const task = (fields: Partial<Task> = {}) => ({ id: "t", status: "running", notes: [], ...fields });
const STOPPING = { error: { message: "The server is shutting down." } };

/** A server that answers each connection with the next of these, then hangs up. */
function serve(...connections: (object[] | Response)[]) {
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  // No test waits: every delay is over at once.
  vi.stubGlobal("setTimeout", (run: () => void) => setImmediate(run));
  vi.stubGlobal("clearTimeout", clearImmediate);
  vi.stubGlobal("fetch", () => {
    const next = connections.shift();
    if (next === undefined) throw new Error("asked once too often");
    if (next instanceof Response) return Promise.resolve(next);
    const text = next.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
    return Promise.resolve(new Response(text));
  });
}

async function watched(): Promise<string[]> {
  const seen: string[] = [];
  for await (const { status } of watchTask("t", new AbortController().signal)) seen.push(status);
  return seen;
}

afterEach(() => vi.unstubAllGlobals());

it("takes the error of a server that stops for no task, and asks again", async () => {
  // A task without notes made the card throw, and the whole page went blank.
  serve([task(), STOPPING], [task(), task({ status: "succeeded" })]);
  expect(await watched()).toEqual(["running", "running", "succeeded"]);
});

it("goes on when the line breaks: a task is not taken to run for ever", async () => {
  serve([task()], new Response("", { status: 503 }), [task({ status: "failed" })]);
  expect(await watched()).toEqual(["running", "failed"]);
});

it("ends when the server knows the task no more", async () => {
  serve([task()], Response.json({ error: { message: "No such task." } }, { status: 404 }));
  await expect(watched()).rejects.toThrow(ApiError);
});
