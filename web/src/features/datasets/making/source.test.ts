import { expect, it } from "vitest";

import { freeName, isName, nameOf, refusal } from "./source";

it("makes a name from any file's name", () => {
  expect(nameOf("My rows (2).jsonl.gz")).toBe("My-rows-2");
  expect(nameOf("talk.JSON")).toBe("talk");
  expect(nameOf("../../etc/passwd")).toBe("etc-passwd");
  expect(nameOf("<img src=x>.csv")).toBe("img-src-x");
  expect(nameOf("мои.jsonl")).toBe("dataset");
  for (const file of ["-.jsonl", "", ".json", "x".repeat(300), `${"x".repeat(59)}-y`]) {
    expect(isName(nameOf(file)), file).toBe(true);
  }
});

it("knows the names that the server takes", () => {
  expect(["talk", "a.b-c_d", "x".repeat(96)].every(isName)).toBe(true);
  expect(["", "-a", "a-", "a..b", "a/b", "ä", "x".repeat(97)].some(isName)).toBe(false);
});

it("does not offer a name that is taken", () => {
  expect(freeName("talk", new Set(["talk", "talk-2"]))).toBe("talk-3");
  expect(freeName("new", new Set(["talk"]))).toBe("new");
});

it("says that a file is too large before it is sent", () => {
  const said = refusal({ name: "a", size: 200_000_000 }, 100_000_000);
  expect(said).toContain("This file has 200 MB; at most 100 MB can be sent.");
  expect(refusal({ name: "a", size: 0 }, 100)).toBe("This file is empty.");
  expect(refusal({ name: "a", size: 100 }, 100)).toBeNull();
});
