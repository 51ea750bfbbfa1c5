import { Plus } from "lucide-react";
import { useState } from "react";

import type { Job } from "../../api/training";
import { t, useLanguage } from "../../ui/i18n";
import { Link, navigate } from "../../ui/Link";
import { PageFrame } from "../../ui/PageFrame";
import { Problem } from "../../ui/Problem";
import { formatMoment } from "../../ui/units";
import { useFileNames } from "./names";
import { StatusChip } from "./StatusChip";
import { useJobs } from "./useJobs";
import { dataWord, jobWord, methodWord } from "./words";

export const MOST_COMPARED = 4;

/** All runs, the newest first. */
export function JobsPage() {
  const { jobs, problem, more, showMore } = useJobs();
  const [marked, setMarked] = useState<readonly string[]>([]);
  const compare = () => navigate(`/app/training/compare?jobs=${marked.join(",")}`);
  return (
    <PageFrame
      title={t("Training")}
      about={t("Teach a model from examples, and watch it learn.")}
      actions={
        <>
          <button
            type="button"
            className="button"
            disabled={marked.length < 2}
            title={marked.length < 2 ? t("Mark two to four runs to compare them.") : undefined}
            onClick={compare}
          >
            {t("Compare")} {marked.length > 0 && `(${marked.length})`}
          </button>
          <Link to="/app/training/new" className="button button-primary">
            <Plus size={16} aria-hidden /> {t("New run")}
          </Link>
        </>
      }
    >
      {problem !== null && (
        <Problem className="trouble" text={problem} />
      )}
      {jobs !== null && jobs.length === 0 && <FirstRun />}
      {jobs !== null && jobs.length > 0 && (
        <ul className="runs" aria-label={t("Runs")}>
          {jobs.map((job) => (
            <Run
              key={job.id}
              job={job}
              marked={marked.includes(job.id)}
              full={marked.length >= MOST_COMPARED}
              onMark={(on) =>
                setMarked(on ? [...marked, job.id] : marked.filter((id) => id !== job.id))
              }
            />
          ))}
        </ul>
      )}
      {more && (
        <button type="button" className="button" onClick={showMore}>
          {t("Show more")}
        </button>
      )}
    </PageFrame>
  );
}

function Run({
  job,
  marked,
  full,
  onMark,
}: {
  job: Job;
  marked: boolean;
  full: boolean;
  onMark: (on: boolean) => void;
}) {
  const names = useFileNames((state) => state.names);
  const language = useLanguage((state) => state.language);
  const name = jobWord(job, names);
  const finish = job.status === "running" ? job.estimated_finish : null;
  return (
    <li className="run">
      <input
        type="checkbox"
        aria-label={t("Mark {name} to compare it", { name })}
        checked={marked}
        disabled={full && !marked}
        onChange={(event) => onMark(event.target.checked)}
      />
      <Link to={`/app/training/${job.id}`} className="run-link">
        <span className="run-name">{name}</span>
        <span className="run-facts">
          {[
            t("{base}, taught with {data}", {
              base: job.model,
              data: dataWord(job.training_file, names),
            }),
            methodWord(job),
          ]
            .filter(Boolean)
            .join(" · ")}
        </span>
      </Link>
      <span className="run-state">
        <StatusChip status={job.status} />
        <span className="hint">
          {finish === null
            ? formatMoment(job.created_at, language)
            : t("done at about {moment}", { moment: formatMoment(finish, language) })}
        </span>
      </span>
    </li>
  );
}

function FirstRun() {
  return (
    <section className="card" aria-label={t("The first run")}>
      <h2>{t("Nothing has been taught yet")}</h2>
      <p>
        {t(
          "A run takes a model and examples of good answers, and changes the model a little at each step until it answers more like them. The rows that come with Mini-Claude are enough for a first try; on a small model it takes minutes.",
        )}
      </p>
      <p>
        <Link to="/app/training/new?data=seed" className="button button-primary">
          {t("Try it with the rows that come with Mini-Claude")}
        </Link>
      </p>
    </section>
  );
}
