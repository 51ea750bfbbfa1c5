/** What things of the pipeline are called on the page. */

import { formatNumber, t } from "../../ui/i18n";

export function rowsWord(count: number): string {
  return count === 1 ? t("1 row") : t("{n} rows", { n: formatNumber(count) });
}

export function stepWord(step: string): string {
  switch (step) {
    case "clean":
      return t("Reading and cleaning");
    case "split":
      return t("Duplicates and split");
    case "augment":
      return t("Adding variety");
    case "write":
      return t("Measuring and writing");
    default:
      return step;
  }
}

export function taskWord(task: string): string {
  switch (task) {
    case "supervised":
      return t("Conversations");
    case "preference":
      return t("Preferences");
    case "kto":
      return t("Good and bad answers");
    case "text":
      return t("Plain text");
    default:
      return task;
  }
}

export function roleWord(role: string): string {
  switch (role) {
    case "user":
      return t("User");
    case "assistant":
      return t("Assistant");
    case "system":
      return t("System");
    case "tool":
      return t("Tool");
    case "chosen":
      return t("Better answer");
    case "rejected":
      return t("Worse answer");
    case "text":
      return t("Text");
    default:
      return role;
  }
}

/** What a stage calls itself in a report, and what changed a row. */
export function stageWord(stage: string): string {
  switch (stage) {
    case "clean":
      return t("Cleaning");
    case "personal_data":
      return t("Personal data");
    case "safety":
      return t("Safety");
    case "duplicates":
      return t("Duplicates");
    case "variety":
      return t("Variety");
    default:
      return stage;
  }
}

export function tierWord(tier: "proof of concept" | "meaningful" | "production"): string {
  switch (tier) {
    case "proof of concept":
      return t("A manner is picked up");
    case "meaningful":
      return t("Something lasting is learnt");
    case "production":
      return t("Enough to rely on");
  }
}
