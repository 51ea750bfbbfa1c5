/** What each setting means, for people. */

import { t } from "../../../ui/i18n";

export const meanings = (): Record<string, string> => ({
  n_epochs: t("How often every row is read. More is learnt, until it is learnt by heart."),
  steps: t("So many steps in place of whole readings."),
  learning_rate: t("How far each step goes. Too high and it falls apart, too low and it barely learns."),
  learning_rate_multiplier: t("What the automatic learning rate is multiplied by; counts only without learning_rate."),
  batch_size: t("Rows in one step. More make steps steadier, and fewer."),
  max_length: t("Tokens of one row; longer ones are cut."),
  batch_tokens: t("Tokens computed at once. Less needs less memory."),
  accumulate: t("Parts that one step is computed in: a large step in little memory."),
  warmup: t("Part of the steps over which the learning rate rises, 0 to 1."),
  schedule: t("How the learning rate falls afterwards."),
  weight_decay: t("Pulls weights towards zero; rarely needed here."),
  clip: t("The longest step a single batch may ask for."),
  precision: t("Number format of the products: shorter is faster where the chip has it."),
  gradient_checkpointing: t("Computes twice rather than keeps: less memory, a third slower."),
  ema: t("Keeps an average over the last steps as the result, 0 for none."),
  patience: t("Looks at the held-out rows without a better one after which it stops, 0 for never."),
  evaluate_every: t("Steps between two looks at the held-out rows."),
  checkpoint_every: t("Steps between two checkpoints. The first and the last have sample answers, those between as time allows."),
  r: t("Rank: how much an adapter can hold. More needs more rows."),
  alpha: t("How strongly the adapter speaks; twice the rank is usual."),
  dropout: t("Part of the adapter left out at random while it learns, against learning by heart."),
  targets: t("Which layers get adapters, by name, with commas between."),
  rslora: t("Scales by the root of the rank, so that high ranks learn as fast."),
  dora: t("Learns direction and length apart: often a little better, slower."),
  bits: t("Bits of each weight of the frozen base while it trains."),
  beta: t("How far it may move from the base's own taste; more holds it closer."),
  seed: t("The same number gives the same run again."),
});

export const presetWords = () => [
  {
    value: "quick" as const,
    name: t("Quick try"),
    about: t("30 steps, to see that data and model fit together. Minutes at most on a small model."),
  },
  {
    value: "balanced" as const,
    name: t("Balanced"),
    about: t("Everything chosen for your data and this machine; stops when it no longer helps."),
  },
  {
    value: "thorough" as const,
    name: t("Thorough"),
    about: t("Reads the data up to eight times. Takes longest; with few held-out rows it may learn by heart."),
  },
];

export const tuningWords = () => [
  {
    value: "" as const,
    name: t("Automatic"),
    about: t("LoRA where it fits into memory, QLoRA where only that does."),
  },
  {
    value: "lora" as const,
    name: "LoRA",
    about: t("Small adapters beside frozen weights: fast, little memory, can be taken off again."),
  },
  {
    value: "qlora" as const,
    name: "QLoRA",
    about: t("The same on a base held in 8 or 4 bits: for models that would not fit otherwise."),
  },
  {
    value: "full" as const,
    name: t("All weights"),
    about: t("Changes the whole model: most freedom, most memory, easiest to spoil."),
  },
];

export const objectiveWords = () => [
  {
    value: "supervised" as const,
    name: t("Examples to follow"),
    about: t("Conversations or text, answered as they should be."),
  },
  {
    value: "dpo" as const,
    name: "DPO",
    about: t("Each row has a better and a worse answer; it learns to prefer the better one."),
  },
  {
    value: "kto" as const,
    name: "KTO",
    about: t("Each row has one answer and whether it is good, such as thumbs up and down."),
  },
];
