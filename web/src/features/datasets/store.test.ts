import { afterEach, expect, it, vi } from "vitest";

import { acceptToast, holdToast, useToasts } from "../../ui/toast";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("deletes a dataset when the offer to undo it has gone, and not before", async () => {
  vi.useFakeTimers();
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  vi.stubGlobal("addEventListener", () => undefined);
  const deleted: string[] = [];
  vi.stubGlobal("fetch", (path: string, { method }: RequestInit) => {
    if (method === "DELETE") deleted.push(path);
    return Promise.resolve(Response.json({ data: [], max_file_bytes: 1 }));
  });
  const { removeDataset } = await import("./store");
  removeDataset("rows");
  acceptToast(useToasts.getState().toasts[0]?.id ?? 0);
  await vi.advanceTimersByTimeAsync(60_000);
  removeDataset("rows");
  const release = holdToast(useToasts.getState().toasts[0]?.id ?? 0);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(deleted).toEqual([]);
  release();
  await vi.advanceTimersByTimeAsync(6_000);
  expect(deleted).toEqual(["/datasets/rows"]);
});
