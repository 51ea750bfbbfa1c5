import { afterEach, expect, it, vi } from "vitest";

import { newMessage } from "../message";
import { kept, keepAll, leaveOut } from "./leftOut";
import { blindText, keptExtra, newExtra, pictureType, tooMuch } from "./pictures";

const blob = (...bytes: (string | number[])[]) =>
  new Blob(bytes.map((part) => (typeof part === "string" ? part : new Uint8Array(part))));

const of = (size: number) => ({ size }) as Blob;

it("knows a picture by its first bytes, not by its name", async () => {
  const kinds = await Promise.all(
    [
      blob([0x89], "PNG\r\n", [0x1a], "\n"),
      blob([0xff, 0xd8, 0xff, 0xe0]),
      blob("GIF89a"),
      blob("RIFF....WEBPVP8 "),
    ].map(pictureType),
  );
  expect(kinds).toEqual(["image/png", "image/jpeg", "image/gif", "image/webp"]);
  for (const other of [blob(""), blob("<svg/>"), blob("RIFF....WAVE"), blob("%PDF-1.7")]) {
    expect(await pictureType(other)).toBeNull();
  }
});

it("says what is too much for one question", () => {
  expect(tooMuch("a.png", 3.75e6, [of(3e6)])).toBeNull();
  // In base64 that is more than the 5 MB that Anthropic takes.
  expect(tooMuch("a.png", 3_750_001, [])).toContain("a.png is larger than 3.75 MB");
  expect(tooMuch("a.png", 3.7e6, [of(3.7e6)])).toContain("8 pictures of 7 MB together");
  expect(tooMuch("a.png", 1, Array.from({ length: 8 }, () => of(1)))).not.toBeNull();
});

it("names who sees to somebody who asks who does not", () => {
  expect(blindText("echo", ["a", "b", "c", "d"])).toBe(
    "echo reads text only. Choose a model that sees pictures: a, b, c, …",
  );
  expect(blindText("echo", [])).toContain("no model here sees pictures");
});

/** Node has none: says the text of a file as its address. */
class TextReader extends EventTarget {
  result = "";

  readAsDataURL(file: Blob): void {
    void file.text().then((text) => {
      this.result = `data:${text}`;
      this.dispatchEvent(new Event("load"));
    });
  }
}

afterEach(() => vi.unstubAllGlobals());

const picture = (place: number, file: Blob | null = null) => ({ place, name: `${place}.png`, file });

it("tells the server of pictures once, and by their message when a question is asked again", async () => {
  const load = vi.fn<() => Promise<Blob>>();
  expect((await newExtra([])).body).toEqual({});
  const pictures = [picture(0)];
  const asked = newMessage("user", null, { pictures, serverId: "m1" });
  expect(await keptExtra(asked, pictures, load)).toEqual({
    shown: pictures,
    body: { pictures_of: "m1" },
  });
  const bare = newMessage("user", null, { serverId: "m2" });
  expect((await keptExtra(bare, [], load)).body).toEqual({});
  expect(load).not.toHaveBeenCalled();
});

it("sends the pictures that are kept of a question when others are left out", async () => {
  // A picture that a service refuses must be able to go, and its neighbours must not go with it.
  vi.stubGlobal("FileReader", TextReader);
  const pictures = [picture(0), picture(1, blob("one")), picture(2)];
  const asked = newMessage("user", null, { pictures, serverId: "m1" });
  leaveOut(asked.id, 0);
  expect(kept(asked)).toEqual(pictures.slice(1));
  const load = vi.fn(async (_id: string, _place: number) => blob("two"));
  const { body, shown } = await keptExtra(asked, kept(asked), load);
  expect(load.mock.calls).toEqual([["m1", 2]]);
  expect(body).toEqual({
    pictures: [
      { name: "1.png", url: "data:one" },
      { name: "2.png", url: "data:two" },
    ],
  });
  expect(shown.map(({ place }) => place)).toEqual([0, 1]);
  leaveOut(asked.id, 1);
  leaveOut(asked.id, 2);
  expect(await keptExtra(asked, kept(asked), load)).toEqual({ shown: [], body: {} });
  keepAll(asked.id);
  expect(kept(asked)).toEqual(pictures);
});
