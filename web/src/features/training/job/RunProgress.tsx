import { type Job, isFinished } from "../../../api/training";
import { formatNumber, t, useLanguage } from "../../../ui/i18n";
import { Progress } from "../../../ui/Progress";
import { formatDuration, formatMoment } from "../../../ui/units";
import { type Curves, columnsOf } from "../curves";

/** How far the run has come and when it will be done. */
export function RunProgress({ job, curves }: { job: Job; curves: Curves }) {
  const language = useLanguage((state) => state.language);
  const columns = columnsOf(curves);
  const step = columns.steps.at(-1) ?? 0;
  if (isFinished(job)) {
    const moment = job.finished_at === null ? "" : formatMoment(job.finished_at, language);
    const took = columns.last("seconds");
    return (
      <p className="hint">
        {moment}
        {took !== null && ` · ${t("trained for {time}", { time: formatDuration(took) })}`}
        {job.trained_tokens !== null &&
          ` · ${t("{n} tokens learnt from", { n: formatNumber(job.trained_tokens) })}`}
      </p>
    );
  }
  const total = curves.total;
  const left = columns.last("seconds_left");
  const known = step > 0 && total > 0;
  const label = known
    ? t("Step {n} of {total}", { n: formatNumber(step), total: formatNumber(total) })
    : waitingWord(job.status);
  const note =
    job.status === "running" && known && left !== null
      ? t("about {time} left", { time: formatDuration(left) })
      : job.status === "running" && job.estimated_finish !== null
        ? t("done at about {moment}", { moment: formatMoment(job.estimated_finish, language) })
        : undefined;
  return (
    <Progress
      label={label}
      value={known ? step / total : job.status === "paused" ? 0 : null}
      {...(note === undefined ? {} : { note })}
    />
  );
}

function waitingWord(status: Job["status"]): string {
  if (status === "validating_files") return t("Looking at the data");
  if (status === "queued") return t("Waiting for its turn");
  if (status === "paused") return t("Paused before the first step");
  return t("Preparing: rows, settings, a trial");
}
