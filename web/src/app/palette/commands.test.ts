import { expect, it } from "vitest";

import { type Command, fitting, grouped } from "./commands";

const command = (group: string, label: string): Command => ({
  key: `${group}:${label}`,
  group,
  label,
  run: () => undefined,
});
const ALL = [command("Theme", "Dark"), command("Language", "Français"), command("Theme", "Light")];
const labels = (typed: string) => fitting(ALL, typed).map(({ label }) => label);

it("finds by words in any order, of the label or its group, with or without accents", () => {
  expect(labels("dark theme")).toEqual(["Dark"]);
  expect(labels("theme")).toEqual(["Dark", "Light"]);
  expect(labels("francais")).toEqual(["Français"]);
  expect(labels("theme francais")).toEqual([]);
  expect(labels("  ")).toHaveLength(3);
});

it("keeps a group together", () => {
  expect(grouped(ALL).map(({ group, commands }) => [group, commands.length])).toEqual([
    ["Theme", 2],
    ["Language", 1],
  ]);
});
