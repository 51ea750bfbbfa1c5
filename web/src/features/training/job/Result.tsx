import { useEffect, useState } from "react";

import { type Evaluation, type Job, getEvaluation } from "../../../api/training";
import { formatNumber, t } from "../../../ui/i18n";
import { Section } from "../../../ui/PageFrame";
import { type Curves, columnsOf } from "../curves";

const MOST_SAMPLES = 8;

/** What came of it: before and after, in numbers and in words. */
export function Result({ job, curves }: { job: Job; curves: Curves }) {
  const { evaluation, problem } = useEvaluation(job);
  const measured = columnsOf(curves, 0);
  const before = number(evaluation?.before.perplexity) ?? measured.first("valid_perplexity");
  const after = number(evaluation?.after.perplexity) ?? measured.last("valid_perplexity");
  return (
    <Section title={t("The result")}>
      <p className="model-id">{job.fine_tuned_model}</p>
      {evaluation !== null && <p lang="en">{evaluation.verdict}</p>}
      {problem !== null && <p className="hint">{problem}</p>}
      {before !== null && after !== null ? (
        <BeforeAfter before={before} after={after} />
      ) : (
        <p className="hint">
          {t("Nothing was held out, so it cannot be said in numbers how much better it is.")}
        </p>
      )}
      {evaluation !== null && evaluation.samples.length > 0 && (
        <SideBySide samples={evaluation.samples.slice(0, MOST_SAMPLES)} />
      )}
    </Section>
  );
}

function BeforeAfter({ before, after }: { before: number; after: number }) {
  const most = Math.max(before, after);
  return (
    <div>
      <h3>{t("Perplexity on rows it never read")}</h3>
      <p className="hint below">
        {t("Between how many words it hesitates, so to speak: lower is better.")}
      </p>
      <div className="meters">
        {[
          { label: t("Base model"), value: before },
          { label: t("Taught"), value: after },
        ].map(({ label, value }) => (
          <label className="bar" key={label}>
            <span>{label}</span>
            <meter min={0} max={most} value={value} />
            <b>{formatNumber(value, { maximumFractionDigits: 2 })}</b>
          </label>
        ))}
      </div>
    </div>
  );
}

function SideBySide({ samples }: { samples: Evaluation["samples"] }) {
  return (
    <div>
      <h3>{t("Answers side by side")}</h3>
      <ul className="sample-pairs">
        {samples.map(({ place, prompt, wanted, before, after }) => (
          <li key={place} className="sample-pair">
            <p className="pair-question">{prompt.at(-1)?.content}</p>
            <div className="pair-answers">
              <Answer label={t("Base model")} text={before} />
              <Answer label={t("Taught")} text={after} />
              <Answer label={t("In the data")} text={wanted} />
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Answer({ label, text }: { label: string; text: string | null }) {
  return (
    <div className="pair-answer">
      <span className="pair-label">{label}</span>
      <p>{text?.trim() || t("(nothing)")}</p>
    </div>
  );
}

function useEvaluation(job: Job): { evaluation: Evaluation | null; problem: string | null } {
  const [evaluation, setEvaluation] = useState<Evaluation | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  // The job's object is another at every look; its files are not.
  const files = job.result_files.join();
  useEffect(() => {
    let left = false;
    getEvaluation(files.split(",")).then(
      (found) => !left && setEvaluation(found),
      () => !left && setProblem(t("Its report cannot be read any more; the files may be deleted.")),
    );
    return () => {
      left = true;
    };
  }, [files]);
  return { evaluation, problem };
}

const number = (value: unknown) => (typeof value === "number" ? value : null);
