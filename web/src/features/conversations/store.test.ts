import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { change, find, loadMore, openArchive, put, refresh, useConversations } from "./store";

const COUNT = 450;
const MOST = 200;

/** A server with so many conversations, all in its archive. */
const archive = Array.from({ length: COUNT }, (_, place) => ({
  id: `c${place}`,
  title: `Old ${place}`,
  archived: true,
}));

beforeEach(() => {
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  vi.stubGlobal("fetch", (path: string) => {
    const { pathname, searchParams } = new URL(path, "http://server.invalid");
    if (pathname.endsWith("/folders")) return Promise.resolve(Response.json({ data: [] }));
    const all = searchParams.has("archived") ? archive : [];
    const start = Number(searchParams.get("before") ?? 0);
    const end = start + Math.min(Number(searchParams.get("limit")), MOST);
    const more = end < all.length;
    return Promise.resolve(
      Response.json({
        data: all.slice(start, end),
        has_more: more,
        next_before: more ? String(end) : null,
      }),
    );
  });
});

afterEach(() => vi.unstubAllGlobals());

it("goes on through an archive that is longer than the server's largest page", async () => {
  await openArchive();
  for (let page = 0; page < COUNT && useConversations.getState().archivedNext !== null; page += 1) {
    await loadMore(true);
  }
  const { archived, items } = useConversations.getState();
  expect(archived?.map(({ id }) => id)).toEqual(archive.map(({ id }) => id));
  expect(items).toEqual([]);
  await refresh(); // as far down as one page reaches, and on from there
  expect(useConversations.getState().archived).toHaveLength(MOST);
  expect(useConversations.getState().archivedNext).toBe(String(MOST));
});

it("does not lose a change to the server's answer to the one before it", async () => {
  // The title was changed, then pinned; the answer to the first took the pin off again.
  const arrivals: ((response: Response) => void)[] = [];
  vi.stubGlobal("fetch", () => new Promise<Response>((resolve) => arrivals.push(resolve)));
  const before = { id: "c", title: "Old", pinned: false, archived: false, folder: "" };
  put({ ...before, head_id: null, created_at: 0, updated_at: 0 });
  const renamed = change("c", { title: "New" });
  const pinned = change("c", { pinned: true });
  await vi.waitFor(() => expect(arrivals).toHaveLength(1));
  arrivals[0]?.(Response.json({ ...before, title: "New" }));
  await renamed;
  expect(find("c")).toMatchObject({ title: "New", pinned: true });
  await vi.waitFor(() => expect(arrivals).toHaveLength(2));
  arrivals[1]?.(Response.json({ ...before, title: "New", pinned: true }));
  await pinned;
  expect(find("c")).toMatchObject({ title: "New", pinned: true });
});

it("shows what is stored where both of two changes are refused", async () => {
  // The second put back what the first had only wanted.
  vi.stubGlobal("fetch", () =>
    Promise.resolve(Response.json({ error: { message: "No." } }, { status: 400 })),
  );
  put({
    id: "d",
    title: "Old",
    pinned: false,
    archived: false,
    folder: "",
    head_id: null,
    created_at: 0,
    updated_at: 0,
  });
  await Promise.all([change("d", { title: "New" }), change("d", { pinned: true })]);
  expect(find("d")).toMatchObject({ title: "Old", pinned: false });
});
