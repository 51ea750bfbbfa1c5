import { expect, it } from "vitest";

import type { Job } from "../../../api/training";
import { EMPTY, bodyOf, fieldsFor, formOf, objectiveFor, parsed, wrongFields } from "./form";

const form = { ...EMPTY, data: "dataset:seed", base: "tiny" };

const namesFor = (objective: "dpo" | "supervised") =>
  fieldsFor({ tuning: "", objective }).map(({ name }) => name);

it("asks for nothing that was not chosen", () => {
  expect(bodyOf(form)).toEqual({
    model: "tiny",
    training_file: "dataset:seed",
    method: { type: "supervised", supervised: { hyperparameters: {} } },
  });
});

it("puts what was typed over the preset", () => {
  const body = bodyOf({
    ...form,
    preset: "quick",
    tuning: "qlora",
    name: "tea",
    expert: { steps: "12", bits: "4", targets: "qkv, up", dora: "true", seed: "7", r: " " },
  });
  expect(body).toEqual({
    model: "tiny",
    training_file: "dataset:seed",
    suffix: "tea",
    seed: 7,
    method: {
      type: "supervised",
      supervised: {
        hyperparameters: {
          steps: 12,
          evaluate_every: 10,
          checkpoint_every: 10,
          tuning: "qlora",
          bits: 4,
          targets: ["qkv", "up"],
          dora: true,
        },
      },
    },
  });
});

it("does not send what has no meaning beside the rest", () => {
  const body = bodyOf({ ...form, tuning: "full", expert: { r: "8", beta: "0.1", bits: "4" } });
  expect(body.method.supervised?.hyperparameters).toEqual({ tuning: "full" });
  expect(namesFor("dpo")).toContain("beta");
  expect(namesFor("supervised")).not.toContain("beta");
});

it("names what cannot be, before anything is sent", () => {
  const expert = { steps: "1.5", learning_rate: "a lot", warmup: "2", n_epochs: "0,5" };
  expect(wrongFields({ ...form, expert })).toEqual(["steps", "learning_rate", "warmup"]);
  expect(wrongFields({ ...form, name: "my tea" })).toEqual(["name"]);
  expect(parsed({ name: "bits", kind: "choice", choices: ["8", "4"] }, "3")).toBeNull();
});

it("takes 1,000 and 1.000 for a thousand, where whole numbers are meant", () => {
  // They were taken for 1: a thousand steps were asked for, and one was done.
  const steps = { name: "steps", kind: "number", least: 1, most: 10_000_000, whole: true } as const;
  const numbers = ["1,000", "1.000", "1.000.000", "1000"].map((text) => parsed(steps, text));
  expect(numbers).toEqual([1000, 1000, 1_000_000, 1000]);
  const none = ["1,5", "1,00", "1e3", "0x10", "-1"].filter((text) => parsed(steps, text) !== null);
  expect(none).toEqual([]);
  const rate = { ...steps, name: "learning_rate", least: 0, most: 1, whole: false } as const;
  expect(["0,001", "0.001", "1e-3"].map((text) => parsed(rate, text))).toEqual([0.001, 0.001, 0.001]);
});

it("opens with what another run was asked for", () => {
  const job = {
    model: "tiny",
    training_file: "file-1",
    validation_file: "file-2",
    user_provided_suffix: "tea",
    method: {
      type: "dpo",
      dpo: {
        hyperparameters: {
          n_epochs: "auto",
          learning_rate_multiplier: 2,
          tuning: "lora",
          beta: 0.2,
          targets: ["qkv"],
        },
      },
    },
  } as unknown as Job;
  const made = formOf(job);
  expect(made).toMatchObject({ tuning: "lora", objective: "dpo", name: "tea" });
  expect(made.expert).toEqual({ beta: "0.2", targets: "qkv", learning_rate_multiplier: "2" });
  // Neither may fall away unseen: the new run would be another than the one that is begun again.
  expect(bodyOf(made).validation_file).toBe("file-2");
  expect(bodyOf(made).method.dpo?.hyperparameters).toEqual({
    learning_rate_multiplier: 2,
    tuning: "lora",
    beta: 0.2,
    targets: ["qkv"],
  });
});

it("learns from rows by what they are", () => {
  expect(["preference", "kto", "text", undefined].map(objectiveFor)).toEqual([
    "dpo",
    "kto",
    "supervised",
    "supervised",
  ]);
});
