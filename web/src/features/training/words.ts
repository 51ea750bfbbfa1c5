/** What things are called. */

import type { Job, JobStatus } from "../../api/training";
import { formatNumber, t } from "../../ui/i18n";

export const SEED = "dataset:seed";

export function statusWord(status: JobStatus): string {
  return {
    validating_files: t("checking the data"),
    queued: t("waiting"),
    running: t("learning"),
    paused: t("paused"),
    succeeded: t("finished"),
    failed: t("failed"),
    cancelled: t("cancelled"),
  }[status];
}

/** A dataset or a file by the name a person gave it. names: of files, by their ids. */
export function dataWord(data: string, names: ReadonlyMap<string, string>): string {
  return data.startsWith("dataset:") ? data.slice("dataset:".length) : (names.get(data) ?? data);
}

export function jobWord(job: Job, names: ReadonlyMap<string, string>): string {
  return job.user_provided_suffix ?? dataWord(job.training_file, names);
}

/** What was asked of the job, without what was left to it. */
export function askedOf(job: Job): [string, string][] {
  const asked = job.method[job.method.type]?.hyperparameters ?? {};
  return Object.entries(asked)
    .filter(([, value]) => value !== "auto")
    .map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : String(value)]);
}

/** Null where it was left to be chosen. */
export function methodWord(job: Job): string | null {
  const how = job.method[job.method.type]?.hyperparameters.tuning;
  const kind = { supervised: "", dpo: "DPO", kto: "KTO" }[job.method.type];
  const way = how === "qlora" ? "QLoRA" : how === "full" ? t("all weights") : how ? "LoRA" : "";
  return [way, kind].filter(Boolean).join(", ") || null;
}

/** Losses and the like: three digits behind the point. */
export const formatLoss = (value: number) =>
  formatNumber(value, { minimumFractionDigits: 3, maximumFractionDigits: 3 });

export function formatRate(value: number): string {
  if (value === 0) return "0";
  const [digits, power = ""] = value.toExponential(1).split("e");
  const one = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
  return `${formatNumber(Number(digits), one)}e${power.replace("-", "−")}`;
}

export const formatCount = (value: number) => formatNumber(value, { maximumFractionDigits: 0 });
