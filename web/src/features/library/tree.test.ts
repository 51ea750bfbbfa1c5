import { expect, it } from "vitest";

import type { LibraryModel } from "../../api/library";
import { families, inUnits, methodName } from "./tree";

function model(id: string, base?: string): LibraryModel {
  const lineage = base === undefined ? null : { base } as LibraryModel["lineage"];
  return { id, lineage } as LibraryModel;
}

const shape = (models: LibraryModel[]) =>
  families(models).map(({ base, name, tuned }) => [name, base !== null, tuned.map(({ id }) => id)]);

it("puts what was tuned under the model it began with", () => {
  const models = [model("a"), model("ft:a:me:x:1", "a"), model("ft:a:me:y:2", "ft:a:me:x:1")];
  expect(shape(models)).toEqual([["a", true, ["ft:a:me:x:1", "ft:a:me:y:2"]]]);
});

it("shows an adapter whose base is gone", () => {
  expect(shape([model("ft:b:me:x:1", "b")])).toEqual([["b", false, ["ft:b:me:x:1"]]]);
});

it("does not hang on bases that name each other", () => {
  expect(families([model("x", "y"), model("y", "x")]).flatMap(({ tuned }) => tuned)).toHaveLength(2);
});

it("writes methods as people do", () => {
  expect(["lora", "qlora", "full", "dora"].map(methodName)).toEqual([
    "LoRA",
    "QLoRA",
    "all weights",
    "dora",
  ]);
});

it("counts parameters in thousands, millions and billions", () => {
  expect([999, 26_000, 4_200_000, 7e9].map(inUnits)).toEqual([
    [999, ""],
    [26, "k"],
    [4.2, "M"],
    [7, "B"],
  ]);
});
