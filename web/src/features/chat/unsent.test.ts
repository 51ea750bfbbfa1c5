import { beforeEach, expect, it, vi } from "vitest";

import * as files from "./attachments/store";
import { readDraft, saveDraft } from "./drafts";
import * as page from "./unsent";

/** A browser's storage, kept over reloads of the page. */
function storage(): Pick<Storage, "getItem" | "setItem" | "removeItem"> {
  const items = new Map<string, string>();
  return {
    getItem: (name) => items.get(name) ?? null,
    setItem: (name, value) => void items.set(name, value),
    removeItem: (name) => void items.delete(name),
  };
}

/** The page after a reload, nothing in its memory. */
async function reloaded() {
  vi.resetModules();
  return import("./unsent");
}

const refuse = () => Promise.resolve(false);
const never = () => new Promise<boolean>(() => undefined);

beforeEach(() => {
  vi.stubGlobal("sessionStorage", storage());
  vi.stubGlobal("localStorage", storage());
  return () => vi.unstubAllGlobals();
});

it("puts a refused question before what was typed since, or into the draft of a closed chat", async () => {
  const put = vi.fn<(text: string) => void>();
  const leave = page.writingAt({ key: "k", conversationId: "c", put });
  await page.withWayBack({ key: "k", conversationId: "c" }, "first", [], refuse);
  expect(put.mock.calls).toEqual([["first"]]);

  leave();
  page.writingAt({ key: "other", conversationId: "d", put });
  saveDraft("c", "typed since");
  await page.withWayBack({ key: "k", conversationId: "c" }, "second", [], refuse);
  expect(readDraft("c")).toBe("second\n\ntyped since");
  expect(put).toHaveBeenCalledTimes(1); // the other chat's writing is its own
});

it("gives a refused question with its files to the new chat that is open instead", async () => {
  // A chat without a conversation cannot be opened again: what came back to it would be lost.
  const put = vi.fn<(text: string) => void>();
  page.writingAt({ key: "second", conversationId: null, put });
  const file = { id: "f", name: "a.png", found: null, picture: new Blob(["x"]) };
  await page.withWayBack({ key: "first", conversationId: null }, "hello", [file], refuse);
  expect(put.mock.calls).toEqual([["hello"]]);
  expect(files.take("second")).toEqual([file]);
  expect(files.take("first")).toEqual([]);
});

it("loses no question to a reload before the server has taken it", async () => {
  void page.withWayBack({ key: "k", conversationId: null }, "half way", [], never);
  saveDraft(null, "and more");
  expect(page.beginning(null)).toBe("and more"); // here it is still on its way
  const { beginning } = await reloaded();
  expect(beginning(null)).toBe("half way\n\nand more");
  expect(beginning(null)).toBe("and more"); // once
});

it("follows a new chat into its conversation", async () => {
  page.writingAt({ key: "k", conversationId: null, put: () => undefined });
  saveDraft(null, "typed since");
  await page.withWayBack({ key: "k", conversationId: null }, "hello", [], async () => {
    page.conversationMade("k", "c");
    page.writingAt({ key: "other", conversationId: "d", put: () => undefined });
    return false;
  });
  expect(readDraft("c")).toBe("hello");
  expect(page.beginning(null)).toBe("");

  void page.withWayBack({ key: "m", conversationId: null }, "once more", [], never);
  page.conversationMade("m", "e");
  expect((await reloaded()).beginning("e")).toBe("once more");
});

it("keeps nothing of what was written for a conversation that was deleted", async () => {
  // It stayed in the browser's storage for good.
  saveDraft("c", "a secret");
  void page.withWayBack({ key: "k", conversationId: "c" }, "on its way", [], never);
  page.forgetWords("c");
  expect(readDraft("c")).toBe("");
  expect((await reloaded()).beginning("c")).toBe("");
  expect(localStorage.getItem("mini-claude:draft:c")).toBeNull();
});

it("keeps nothing of a question that was taken, and all of one whose sending broke", async () => {
  await page.withWayBack({ key: "k", conversationId: "c" }, "taken", [], () => Promise.resolve(true));
  expect((await reloaded()).beginning("c")).toBe("");
  const broken = page.withWayBack({ key: "k", conversationId: "c" }, "broken", [], () =>
    Promise.reject(new Error("a fault of ours")),
  );
  await expect(broken).rejects.toThrow("a fault of ours");
  expect(readDraft("c")).toBe("broken");
});
