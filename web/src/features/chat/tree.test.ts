import { describe, expect, it } from "vitest";

import { branchTo, newestLeaf, parentsFirst } from "./tree";

const node = (id: string, parentId: string | null) => ({ id, parentId });
const TREE = [node("q", null), node("a1", "q"), node("a2", "q"), node("q2", "a1"), node("r", null)];

describe("parentsFirst", () => {
  it("puts every parent before its children, whatever the order", () => {
    const ordered = parentsFirst(TREE.toReversed()).map(({ id }) => id);
    expect(ordered.indexOf("q")).toBeLessThan(ordered.indexOf("a1"));
    expect(ordered.indexOf("a1")).toBeLessThan(ordered.indexOf("q2"));
    expect(ordered).toHaveLength(TREE.length);
  });

  it("keeps a message whose parent is missing, as a root", () => {
    expect(parentsFirst([node("x", "gone")])).toEqual([node("x", null)]);
  });
});

describe("branchTo", () => {
  it("walks from the root to the head", () => {
    expect(branchTo(TREE, "q2").map(({ id }) => id)).toEqual(["q", "a1", "q2"]);
    expect(branchTo(TREE, null)).toEqual([]);
  });

  it("ends on a tree that bites its own tail", () => {
    expect(branchTo([node("a", "b"), node("b", "a")], "a").length).toBeLessThan(5);
  });
});

describe("newestLeaf", () => {
  it("takes the newest child at every step", () => {
    expect(newestLeaf(TREE, "q")).toBe("a2");
    expect(newestLeaf(TREE, "a1")).toBe("q2");
    expect(newestLeaf(TREE, null)).toBe("r");
    expect(newestLeaf([], null)).toBe(null);
  });
});
