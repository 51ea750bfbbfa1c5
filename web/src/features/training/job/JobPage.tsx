import { ArrowLeft } from "lucide-react";

import { isFinished } from "../../../api/training";
import { t, useLanguage } from "../../../ui/i18n";
import { Link } from "../../../ui/Link";
import { PageFrame, Section } from "../../../ui/PageFrame";
import { Problem } from "../../../ui/Problem";
import { formatMoment } from "../../../ui/units";
import { useFileNames } from "../names";
import { StatusChip } from "../StatusChip";
import { dataWord, jobWord } from "../words";
import { Charts } from "./Charts";
import { JobActions } from "./JobActions";
import { Lineage } from "./Lineage";
import { RunProgress } from "./RunProgress";
import { Result } from "./Result";
import { Samples } from "./Samples";
import { useJob } from "./useJob";

/** One run: how it goes, what it says, what came of it. */
export function JobPage({ id, onAgain }: { id: string; onAgain: () => void }) {
  const { job, curves, messages, checkpoints, problem, replace } = useJob(id);
  const names = useFileNames((state) => state.names);
  const plan = messages.findLast(({ data }) => data?.memory_bytes !== undefined)?.data ?? null;
  const sampled = checkpoints.filter(({ samples }) => samples.length > 0);

  return (
    <PageFrame
      title={job === null ? t("Training") : jobWord(job, names)}
      about={
        job === null
          ? undefined
          : t("{base}, taught with {data}", { base: job.model, data: dataWord(job.training_file, names) })
      }
      actions={
        job !== null && (
          <JobActions job={job} onChange={isFinished(job) ? onAgain : replace} />
        )
      }
    >
      <Link to="/app/training" className="text-button way-back">
        <ArrowLeft size={16} aria-hidden /> {t("All runs")}
      </Link>
      {problem !== null && (
        <Problem className="trouble" text={problem} />
      )}
      {job !== null && (
        <>
          <div className="run-head">
            <span role="status">
              <StatusChip status={job.status} />
            </span>
            <RunProgress job={job} curves={curves} />
          </div>
          {job.error !== null && (
            <section className="card trouble-card" aria-label={t("Why it failed")}>
              <h2>{t("Why it failed")}</h2>
              <p lang="en">{job.error.message}</p>
              <p className="hint">
                {t(
                  "Resume goes on from the last checkpoint, where there is one; “Start again” opens the form with these settings, to be changed.",
                )}
              </p>
            </section>
          )}
          {job.status === "succeeded" && <Result job={job} curves={curves} />}
          {(curves.points.size > 0 || !isFinished(job)) && (
            <Section title={t("Curves")}>
              <Charts curves={curves} planned={plan?.memory_bytes ?? null} />
            </Section>
          )}
          {sampled.length > 0 && <Samples checkpoints={sampled} />}
          <Lineage job={job} />
          <Messages messages={messages} />
        </>
      )}
    </PageFrame>
  );
}

function Messages({ messages }: { messages: ReturnType<typeof useJob>["messages"] }) {
  const language = useLanguage((state) => state.language);
  const clock = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
  return (
    <Section
      title={t("What it says")}
      about={t("Settings that were chosen, and why; what was found in the data; how it goes on.")}
    >
      <ol className="told" aria-label={t("What it says")}>
        {messages.toReversed().map(({ id, level, message, created_at }) => (
          <li key={id} data-level={level}>
            <time
              dateTime={new Date(created_at * 1000).toISOString()}
              title={formatMoment(created_at, language)}
            >
              {clock.format(new Date(created_at * 1000))}
            </time>
            <span lang="en">{message}</span>
          </li>
        ))}
      </ol>
    </Section>
  );
}
