/** What is asked for, between what is typed and what is sent. */

import type { Hyperparameters, Job, NewJob, Objective } from "../../../api/training";

export type Preset = "quick" | "balanced" | "thorough";
export type Tuning = "" | "lora" | "qlora" | "full";

export interface Form {
  data: string;
  /** What to check with; null holds out a part of the data. */
  validation: string | null;
  base: string;
  name: string;
  preset: Preset;
  tuning: Tuning;
  objective: Objective;
  /** What was typed in the expert's fields, by their names. */
  expert: Readonly<Record<string, string>>;
}

export const EMPTY: Form = {
  data: "",
  validation: null,
  base: "",
  name: "",
  preset: "balanced",
  tuning: "",
  objective: "supervised",
  expert: {},
};

/** What each preset asks for; what it does not say is chosen for the data and the machine. */
export const PRESETS: Record<Preset, Hyperparameters> = {
  quick: { steps: 30, evaluate_every: 10, checkpoint_every: 10 },
  balanced: {},
  thorough: { n_epochs: 8 },
};

export type Field =
  | { name: string; kind: "number"; least: number; most: number; whole: boolean }
  | { name: string; kind: "choice"; choices: readonly string[] }
  | { name: string; kind: "flag" }
  | { name: string; kind: "names" };

const number = (name: string, least: number, most: number): Field => ({
  name,
  kind: "number",
  least,
  most,
  whole: false,
});
const whole = (name: string, least: number, most: number): Field => ({
  name,
  kind: "number",
  least,
  most,
  whole: true,
});

const ADAPTERS: readonly Field[] = [
  whole("r", 1, 1024),
  number("alpha", 0, 65536),
  number("dropout", 0, 0.99),
  { name: "targets", kind: "names" },
  { name: "rslora", kind: "flag" },
  { name: "dora", kind: "flag" },
];
const GENERAL: readonly Field[] = [
  number("n_epochs", 0, 1000),
  whole("steps", 1, 10_000_000),
  number("learning_rate", 0, 1),
  number("learning_rate_multiplier", 0, 1000),
  whole("batch_size", 1, 4096),
  whole("max_length", 8, 1_000_000),
  whole("batch_tokens", 8, 2 ** 22),
  whole("accumulate", 1, 4096),
  number("warmup", 0, 1),
  { name: "schedule", kind: "choice", choices: ["cosine", "linear", "constant"] },
  number("weight_decay", 0, 10),
  number("clip", 0, 1000),
  { name: "precision", kind: "choice", choices: ["float32", "bfloat16", "float16"] },
  { name: "gradient_checkpointing", kind: "flag" },
  number("ema", 0, 0.9999),
  whole("patience", 0, 1000),
  whole("evaluate_every", 0, 10_000_000),
  whole("checkpoint_every", 0, 10_000_000),
];
const BITS: Field = { name: "bits", kind: "choice", choices: ["8", "4"] };
const BETA: Field = number("beta", 0, 2);
const SEED: Field = whole("seed", 0, 2 ** 31 - 1);

/** The fields that mean something beside the other choices. */
export function fieldsFor({ tuning, objective }: Pick<Form, "tuning" | "objective">): Field[] {
  return [
    ...GENERAL,
    ...(tuning === "full" ? [] : ADAPTERS),
    ...(tuning === "qlora" ? [BITS] : []),
    ...(objective === "supervised" ? [] : [BETA]),
    SEED,
  ];
}

/** What was typed as a value; undefined where nothing was, null where it cannot be. */
export function parsed(field: Field, text: string): Hyperparameters[string] | null | undefined {
  const typed = text.trim();
  if (typed === "") return undefined;
  if (field.kind === "flag") return typed === "true";
  if (field.kind === "names") {
    return typed.split(",").map((name) => name.trim()).filter(Boolean);
  }
  if (field.kind === "choice") {
    if (!field.choices.includes(typed)) return null;
    return field.name === "bits" ? Number(typed) : typed;
  }
  const value = field.whole ? wholeOf(typed) : Number(typed.replace(",", "."));
  return Number.isFinite(value) && value >= field.least && value <= field.most ? value : null;
}

/** A point or comma in a whole number stands between thousands, 1,000 or 1.000, and nowhere else. */
function wholeOf(typed: string): number {
  if (/^\d{1,3}([.,]\d{3})+$/.test(typed)) return Number(typed.replaceAll(/[.,]/g, ""));
  return /^\d+$/.test(typed) ? Number(typed) : Number.NaN;
}

export const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** The names of the fields that hold what cannot be. */
export function wrongFields(form: Form): string[] {
  const wrong = fieldsFor(form)
    .filter((field) => parsed(field, form.expert[field.name] ?? "") === null)
    .map(({ name }) => name);
  return form.name === "" || NAME.test(form.name) ? wrong : ["name", ...wrong];
}

/** The request. Only for a form without wrong fields. */
export function bodyOf(form: Form): NewJob {
  const asked: Hyperparameters = { ...PRESETS[form.preset] };
  if (form.tuning !== "") asked.tuning = form.tuning;
  let seed: number | undefined;
  for (const field of fieldsFor(form)) {
    const value = parsed(field, form.expert[field.name] ?? "");
    if (value === undefined || value === null) continue;
    if (field.name === "seed") seed = Number(value);
    else asked[field.name] = value;
  }
  return {
    model: form.base,
    training_file: form.data,
    method: { type: form.objective, [form.objective]: { hyperparameters: asked } },
    ...(form.validation === null ? {} : { validation_file: form.validation }),
    ...(form.name === "" ? {} : { suffix: form.name }),
    ...(seed === undefined ? {} : { seed }),
  };
}

/** The form that asks for what a run was asked for. */
export function formOf(job: Job): Form {
  const hyperparameters = job.method[job.method.type]?.hyperparameters ?? {};
  const asked = Object.entries(hyperparameters).filter(([, value]) => value !== "auto");
  const tuning = String(hyperparameters.tuning ?? "");
  const expert = asked
    .filter(([name]) => name !== "tuning")
    .map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : String(value)]);
  return {
    data: job.training_file,
    validation: job.validation_file,
    base: job.model,
    name: job.user_provided_suffix ?? "",
    preset: "balanced",
    tuning: tuning === "lora" || tuning === "qlora" || tuning === "full" ? tuning : "",
    objective: job.method.type,
    expert: Object.fromEntries(expert) as Record<string, string>,
  };
}

/** What rows of this kind are learnt by. */
export function objectiveFor(task: string | undefined): Objective {
  if (task === "preference") return "dpo";
  return task === "kto" ? "kto" : "supervised";
}
