import { afterEach, expect, it, vi } from "vitest";

import { find, loaded } from "../thread";
import { get, update, useChat } from "../store";
import { rate } from "./rate";

afterEach(() => vi.unstubAllGlobals());

it("does not lose a change to the server's answer to the one before it", async () => {
  // A thumb was pressed and let go; then the answer to the first press came, and it stayed down.
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  const sent: string[] = [];
  const arrivals: ((response: Response) => void)[] = [];
  vi.stubGlobal("fetch", (_path: string, { method }: RequestInit) => {
    sent.push(method ?? "");
    return new Promise<Response>((resolve) => arrivals.push(resolve));
  });
  const key = useChat.getState().activeKey;
  update(key, (thread) =>
    loaded(thread, {
      id: "c",
      title: "",
      pinned: false,
      archived: false,
      folder: "",
      head_id: "a",
      created_at: 0,
      updated_at: 0,
      settings: {},
      messages: [
        {
          id: "a",
          parent_id: null,
          role: "assistant",
          content: "Blue.",
          status: "complete",
          model: null,
          created_at: 0,
          usage: null,
          finish_reason: null,
          error: null,
          steps: [],
          pictures: [],
        },
      ],
    }),
  );
  const id = get(key).messages[0]?.id ?? "";
  const shown = () => find(get(key), id)?.rating ?? null;

  const pressed = rate(id, { thumb: "up" });
  const letGo = rate(id, { thumb: null });
  expect(shown()).toBeNull();
  await vi.waitFor(() => expect(arrivals).toHaveLength(1));
  arrivals[0]?.(Response.json({ thumb: "up", reason: null, note: "", correction: null }));
  expect(await pressed).toBe(true);
  expect(shown()).toBeNull();
  await vi.waitFor(() => expect(arrivals).toHaveLength(2));
  arrivals[1]?.(new Response(null, { status: 204 }));
  expect(await letGo).toBe(true);
  expect(shown()).toBeNull();
  expect(sent).toEqual(["PUT", "DELETE"]);
});
