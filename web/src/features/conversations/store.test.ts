import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { loadMore, openArchive, refresh, useConversations } from "./store";

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
