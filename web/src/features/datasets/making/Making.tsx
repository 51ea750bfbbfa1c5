import { Check, Circle, CircleSlash, LoaderCircle, X } from "lucide-react";

import type { Preparation, Step } from "../../../api/preparations";
import { formatNumber, t } from "../../../ui/i18n";
import { Link } from "../../../ui/Link";
import { Progress } from "../../../ui/Progress";
import { formatDuration } from "../../../ui/units";
import { cancelMaking, dismissPreparation, useDatasets } from "../store";
import { rowsWord, stepWord } from "../words";
import {
  STEPS,
  type StepFacts,
  type StepState,
  rejectedSoFar,
  secondsLeft,
  share,
  stepFacts,
  stepState,
} from "./eta";

/** The dataset in the making, live; and how it ended, until it is put away. shownHere: a dataset
 * that is on the screen already, so that nobody need be led to it. */
export function Making({ shownHere }: { shownHere?: string }) {
  const making = useDatasets((state) => state.making);
  if (making === null) return null;
  if (making.status === "finished" && making.name === shownHere) return null;
  return (
    <section className="card making" aria-label={t("Preparing {name}", { name: making.name })}>
      <div className="making-head">
        <h2>{heading(making)}</h2>
        {making.status === "running" ? (
          <button
            type="button"
            className="button button-small"
            onClick={() => void cancelMaking(making.id)}
          >
            {t("Cancel")}
          </button>
        ) : (
          <button
            type="button"
            className="icon-button"
            aria-label={t("Close")}
            onClick={dismissPreparation}
          >
            <X size={17} aria-hidden />
          </button>
        )}
      </div>
      <p className="hint">{making.sources.join(", ")}</p>
      {making.status !== "cancelled" && <Steps making={making} />}
      <Ending making={making} />
    </section>
  );
}

function heading({ status, name }: Preparation): string {
  switch (status) {
    case "running":
      return t("Preparing {name}…", { name });
    case "finished":
      return t("{name} is ready", { name });
    case "failed":
      return t("{name} could not be prepared", { name });
    case "cancelled":
      return t("The preparation of {name} was cancelled", { name });
  }
}

const ICONS: Record<StepState, typeof Check> = {
  done: Check,
  running: LoaderCircle,
  waiting: Circle,
  skipped: CircleSlash,
  stopped: X,
};

function stateWord(state: StepState): string {
  switch (state) {
    case "done":
      return t("done");
    case "running":
      return t("running");
    case "waiting":
      return t("waiting");
    case "skipped":
      return t("nothing to do");
    case "stopped":
      return t("stopped");
  }
}

function Steps({ making }: { making: Preparation }) {
  return (
    <ol className="steps">
      {STEPS.map((name) => {
        const state = stepState(making, name);
        const step = making.steps.find((one) => one.name === name);
        const Icon = ICONS[state];
        return (
          <li key={name} data-state={state}>
            <Icon size={16} aria-hidden />
            {state === "running" && step !== undefined ? (
              <Progress label={stepWord(name)} value={share(step)} note={note(step, making.now)} />
            ) : (
              <span>
                {stepWord(name)}{" "}
                <span className="hint">
                  {[stateWord(state), ...factWords(stepFacts(making.reports, name))].join(" · ")}
                </span>
              </span>
            )}
          </li>
        );
      })}
    </ol>
  );
}

function factWords({ read, changed, masked, heldOut, leftOut, varied }: StepFacts): string[] {
  const words: [number | undefined, (n: string) => string][] = [
    [read, (n) => t("{n} read", { n })],
    [changed, (n) => t("{n} repaired", { n })],
    [masked, (n) => t("personal data masked in {n}", { n })],
    [heldOut, (n) => t("{n} held out", { n })],
    [leftOut, (n) => t("{n} left out", { n })],
    [varied, (n) => t("{n} requests varied", { n })],
  ];
  return words.flatMap(([count, word]) => (count === undefined ? [] : [word(formatNumber(count))]));
}

function note(step: Step, now: number): string {
  const done = formatNumber(step.done);
  const rows =
    step.total === null
      ? rowsWord(step.done)
      : t("{done} of {total} rows", { done, total: formatNumber(step.total) });
  const left = secondsLeft(step, now);
  return left === null ? rows : `${rows} · ${t("about {time} left", { time: formatDuration(left) })}`;
}

function Ending({ making }: { making: Preparation }) {
  if (making.status === "failed") {
    return (
      <p className="error-note pre-line" role="alert" lang="en">
        {making.error?.message}
      </p>
    );
  }
  const rejected = rejectedSoFar(making.reports);
  const leftOut = rejected ? t("{rows} left out.", { rows: rowsWord(rejected) }) : "";
  if (making.status === "finished") {
    return (
      <p role="status" className="making-end">
        <Link to={`/app/data/${making.name}`} className="button button-primary button-small">
          {t("Look at it")}
        </Link>
        <span className="hint">{leftOut}</span>
      </p>
    );
  }
  return (
    <p role="status" className="hint">
      {making.status === "cancelled" ? t("Nothing of it was kept.") : leftOut}
    </p>
  );
}
