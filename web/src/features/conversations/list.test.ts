import { expect, it } from "vitest";

import { groupByDay, inOrder, pieces } from "./list";

const NOON = new Date(2026, 5, 15, 12);
const at = (id: string, hoursAgo: number, pinned = false) => ({
  id,
  title: id,
  pinned,
  archived: false,
  folder: "",
  head_id: null,
  created_at: 0,
  updated_at: NOON.getTime() / 1000 - hoursAgo * 3600,
});

it("groups by calendar day, not by hours gone by", () => {
  const items = [at("morning", 3), at("last night", 13), at("monday", 24 * 6), at("old", 24 * 40)];
  expect(groupByDay(items, NOON).map(({ label, items: [first] }) => [label, first?.id])).toEqual([
    ["Today", "morning"],
    ["Yesterday", "last night"],
    ["Last 7 days", "monday"],
    ["Earlier", "old"],
  ]);
});

it("keeps pinned ones on top however old", () => {
  const items = inOrder([at("new", 0), at("pinned", 999, true), at("newer", -1)]);
  expect(items.map(({ id }) => id)).toEqual(["pinned", "newer", "new"]);
  expect(groupByDay(items, NOON)[0]?.label).toBe("Pinned");
});

it("cuts a text at what was found, counting code points as the server does", () => {
  expect(pieces("🦊 a fox, foxes", [[4, 7], [9, 12]])).toEqual([
    { text: "🦊 a ", found: false },
    { text: "fox", found: true },
    { text: ", ", found: false },
    { text: "fox", found: true },
    { text: "es", found: false },
  ]);
  expect(pieces("whole", [])).toEqual([{ text: "whole", found: false }]);
});
