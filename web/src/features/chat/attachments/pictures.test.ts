import { expect, it } from "vitest";

import { newMessage } from "../message";
import { blindText, newExtra, pictureType, sameExtra, tooMuch } from "./pictures";

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
  expect(tooMuch("a.png", 4e6, [of(3e6)])).toBeNull();
  expect(tooMuch("a.png", 6e6, [])).toContain("a.png is larger than 5 MB");
  expect(tooMuch("a.png", 4e6, [of(4e6)])).toContain("8 pictures of 7 MB together");
  expect(tooMuch("a.png", 1, Array.from({ length: 8 }, () => of(1)))).not.toBeNull();
});

it("names who sees to somebody who asks who does not", () => {
  expect(blindText("echo", ["a", "b", "c", "d"])).toBe(
    "echo reads text only. Choose a model that sees pictures: a, b, c, …",
  );
  expect(blindText("echo", [])).toContain("no model here sees pictures");
});

it("tells the server of pictures once, and by their message when a question is asked again", async () => {
  expect((await newExtra([])).body).toEqual({});
  const pictures = [{ place: 0, name: "cat.png", file: null }];
  const asked = newMessage("user", null, { pictures, serverId: "m1" });
  expect(sameExtra(asked)).toEqual({ shown: pictures, body: { pictures_of: "m1" } });
  expect(sameExtra(newMessage("user", null, { serverId: "m2" })).body).toEqual({});
  expect(sameExtra(undefined).body).toEqual({});
});
