import { afterEach, expect, it, vi } from "vitest";

import { attach, giveBack, take } from "./store";

afterEach(() => vi.unstubAllGlobals());

it("hands out no files while one of them is being read", async () => {
  // A question about a file once went without it: reading it failed after the question was sent.
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  const arrivals: ((response: Response) => void)[] = [];
  vi.stubGlobal("fetch", () => new Promise<Response>((resolve) => arrivals.push(resolve)));
  const found = { name: "a.txt", characters: 1, pages: 0, pages_read: 0, truncated: false, block: "" };
  attach("k", [new File(["a"], "a.txt"), new File(["%PDF"], "broken.pdf")]);
  await vi.waitFor(() => expect(arrivals).toHaveLength(2));
  arrivals[0]?.(Response.json(found));
  await vi.waitFor(() => expect(take("k")).toBeNull());
  const error = { message: "broken.pdf is a broken PDF." };
  arrivals[1]?.(Response.json({ error }, { status: 400 }));
  await vi.waitFor(() => expect(take("k")).not.toBeNull());
  expect(take("k")).toEqual([]);
});

it("has the files of a refused question wait again", () => {
  const one = { id: "1", name: "a.png", found: null, picture: new Blob(["x"]) };
  giveBack("m", [one]);
  giveBack("m", [{ ...one, id: "0" }]);
  expect(take("m")?.map(({ id }) => id)).toEqual(["0", "1"]);
});
