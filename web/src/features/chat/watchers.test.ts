import { expect, it, vi } from "vitest";

import { type Thread, asked, emptyThread, started } from "./thread";
import { MOST_FOLLOWED, Watchers } from "./watchers";

const DONE = { type: "done", status: "complete", finish_reason: "stop", usage: null };

it("follows so few answers that connections are left, and those of the chat on the screen", async () => {
  // Six streams take all that a browser opens to one server: Stop and Allow waited for them.
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  const streams = new Map<string, (events: Response) => void>();
  vi.stubGlobal("fetch", (path: string, { signal }: RequestInit) => {
    const [, , name = ""] = path.split("/");
    return new Promise<Response>((resolve, reject) => {
      streams.set(name, resolve);
      signal?.addEventListener("abort", () => {
        streams.delete(name);
        reject(new DOMException("", "AbortError"));
      });
    });
  });
  const threads = new Map<string, Thread>();
  const freed: string[] = [];
  let shown = "1";
  const watchers = new Watchers(
    (key) => threads.get(key) ?? emptyThread(key),
    (key, change) => threads.set(key, change(threads.get(key) ?? emptyThread(key))),
    {
      shown: () => shown,
      onFree: (key) => {
        freed.push(key);
        return Promise.resolve();
      },
      onEnd: () => undefined,
      onLost: () => Promise.resolve(),
    },
  );
  const watch = (key: string) => {
    const { thread, answerId } = asked(emptyThread(key, key), null, "hello", null);
    const names = { turn_id: "t", user_message_id: "q", assistant_message_id: "a", offset: 0 };
    threads.set(key, started(thread, answerId, names));
    watchers.watch(key, key, answerId, "t");
  };
  for (const key of ["1", "2", "3", "4", "5"]) watch(key);
  expect([...streams.keys()]).toEqual(["1", "2", "3", "4"]);
  expect(streams.size).toBe(MOST_FOLLOWED);

  shown = "5";
  watch("5");
  await vi.waitFor(() => expect([...streams.keys()]).toEqual(["2", "3", "4", "5"]));
  expect(watchers.busy("1")).toBe(false);
  expect(freed).toEqual([]);

  streams.get("3")?.(new Response(`data: ${JSON.stringify(DONE)}\n\n`));
  await vi.waitFor(() => expect(freed).toEqual(["1"]));
  watchers.stop("2");
  expect(freed).toEqual(["1"]); // nobody else waits
  for (const key of ["4", "5"]) watchers.stop(key);
  vi.unstubAllGlobals();
});
