import { afterEach, beforeEach, expect, it, vi } from "vitest";

import type { Conversation } from "../../api/types";
import { acceptToast, holdToast, useToasts } from "../../ui/toast";
import { onGone, settleDeletions } from "./deletion";
import { remove } from "./remove";
import { useConversations } from "./store";

const named = (id: string, title: string): Conversation => ({
  id,
  title,
  pinned: false,
  archived: false,
  folder: "",
  head_id: null,
  created_at: 0,
  updated_at: 0,
});

let asked: string[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  asked = [];
  vi.stubGlobal("fetch", (path: string, { method }: RequestInit) => {
    asked.push(`${method} ${path}`);
    return Promise.resolve(new Response(null, { status: 204 }));
  });
  useConversations.setState({ items: [named("a", "Tea"), named("b", "Tea")] });
});

afterEach(async () => {
  await vi.runAllTimersAsync();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const listed = () => useConversations.getState().items.map(({ id }) => id).toSorted();
const toasts = () => useToasts.getState().toasts;

it("can undo each of two deletions of the same title", async () => {
  remove("a");
  remove("b");
  expect(listed()).toEqual([]);
  for (const { id } of toasts()) acceptToast(id);
  expect(listed()).toEqual(["a", "b"]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toEqual([]);
});

it("deletes nothing while its notice is pointed at: undo must not be an empty promise", async () => {
  remove("a");
  const gone: string[] = [];
  const leave = onGone((id) => gone.push(id));
  const [notice] = toasts();
  const release = holdToast(notice?.id ?? 0);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toEqual([]);
  expect(gone).toEqual([]);
  release();
  await vi.advanceTimersByTimeAsync(6_000);
  expect(gone).toEqual(["a"]);
  leave();
  expect(asked).toEqual(["DELETE /conversations/a"]);
  expect(listed()).toEqual(["b"]);
});

it("deletes once when the page closes and comes back with the notice still there", async () => {
  remove("a");
  settleDeletions();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toEqual(["DELETE /conversations/a"]);
  expect(listed()).toEqual(["b"]);
});
