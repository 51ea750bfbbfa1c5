import type { Report as Data } from "../../../api/datasets";
import { formatNumber, t } from "../../../ui/i18n";
import { Section } from "../../../ui/PageFrame";
import { stageWord, tierWord } from "../words";
import { Duplicates } from "./Duplicates";
import { kindWord } from "./names";
import { Bars, Columns, Dial, Ribbon } from "./pictures";
import { Safety } from "./Safety";

/** Tokens of a good answer for a small model, and the share of distinct trigrams from which rows
 * do not repeat each other; the same as in the pipeline (`data/validate.py`). */
const GUIDE = [10, 200] as const;
const DISTINCT = 0.8;
/** Examples from which a dataset carries so far, as in the pipeline. */
const TIERS = [
  ["proof of concept", 100],
  ["meaningful", 1_000],
  ["production", 10_000],
] as const;
const MOST_KINDS = 18;

const percent = (share: number) =>
  formatNumber(share, { style: "percent", maximumFractionDigits: 0 });

/** The pipeline's report, as pictures with their numbers in words. */
export function Report({
  name,
  report,
  onError,
}: {
  name: string;
  report: Data;
  onError: (error: string) => void;
}) {
  return (
    <>
      <Accounting report={report} />
      {report.advice.length > 0 && (
        <Section title={t("What would make it better")}>
          <ul className="advice" lang="en">
            {report.advice.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </Section>
      )}
      <Lengths report={report} />
      <Variety report={report} />
      <Safety report={report} />
      <Duplicates name={name} report={report} />
      <LeftOut report={report} onError={onError} />
      <Stages report={report} />
    </>
  );
}

function Accounting({ report }: { report: Data }) {
  const { accounting: rows, tier } = report;
  return (
    <Section title={t("Where every row went")}>
      <Ribbon
        parts={[
          { label: t("to learn from"), count: rows.train, tone: "a" },
          { label: t("held out"), count: rows.validation, tone: "b" },
          { label: t("merged into others"), count: rows.merged, tone: "c" },
          { label: t("left out"), count: rows.rejected, tone: "d" },
        ]}
      />
      <p>{t("{rows} rows were read.", { rows: formatNumber(rows.rows) })}</p>
      <ol className="tiers" aria-label={t("How far it carries")}>
        {TIERS.map(([name, least]) => (
          <li key={name} data-reached={tier.examples >= least}>
            <b>{tierWord(name)}</b>
            <span className="hint">
              {tier.examples >= least
                ? t("reached")
                : t("{n} more", { n: formatNumber(least - tier.examples) })}
            </span>
          </li>
        ))}
      </ol>
      <ul className="hint" lang="en">
        {report.formats.map((one) => (
          <li key={one.source}>
            {one.source}: {one.why}
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Lengths({ report }: { report: Data }) {
  const { answers, lengths_estimated } = report.measures;
  if (answers.count === 0) return null;
  return (
    <Section title={report.task === "text" ? t("How long texts are") : t("How long answers are")}>
      <Columns edges={answers.edges} bars={answers.bars} guide={GUIDE} />
      <p>
        {t("Half have at most {median} tokens, nine of ten at most {most}, the longest {longest}.", {
          median: formatNumber(answers.median),
          most: formatNumber(answers.p90),
          longest: formatNumber(answers.longest),
        })}{" "}
        {report.task !== "text" &&
          t("{share} lie in the band of 10 to 200 that small models learn best from.", {
            share: percent(answers.in_guide),
          })}{" "}
        {lengths_estimated && t("Estimated at four characters a token.")}
      </p>
    </Section>
  );
}

function Variety({ report }: { report: Data }) {
  const { trigrams, type_coverage, kinds, missing_kinds } = report.measures;
  const listed = Object.entries(kinds)
    .toSorted((a, b) => b[1] - a[1])
    .slice(0, MOST_KINDS)
    .map(([kind, count]): [string, number] => [kindWord(kind), count]);
  return (
    <Section title={t("How varied it is")}>
      <div className="dials">
        <figure>
          <Dial share={trigrams.windowed} guide={DISTINCT} />
          <figcaption>
            {t("{share} of the runs of three words are distinct; the guide is {guide}.", {
              share: percent(trigrams.windowed),
              guide: percent(DISTINCT),
            })}
          </figcaption>
        </figure>
        {report.task !== "text" && (
          <figure>
            <Dial share={type_coverage} guide={null} />
            <figcaption>
              {t("{share} of the kinds and forms of conversation occur.", {
                share: percent(type_coverage),
              })}{" "}
              {missing_kinds.length > 0 &&
                t("None of: {kinds}.", { kinds: missing_kinds.map(kindWord).join(", ") })}
            </figcaption>
          </figure>
        )}
      </div>
      <Bars entries={listed} />
    </Section>
  );
}

function LeftOut({ report, onError }: { report: Data; onError: (error: string) => void }) {
  const errors = Object.entries(report.rejections);
  if (errors.length === 0) return null;
  return (
    <Section title={t("Left out, by reason")}>
      <ul className="reasons">
        {errors.map(([error, { count, cure }]) => (
          <li key={error}>
            <span className="number">{formatNumber(count)}</span>
            <span>
              <code>{error}</code>
              <span className="hint" lang="en">
                {cure}
              </span>
            </span>
            <button
              type="button"
              className="button button-small"
              aria-label={t("Show the rows with {error}", { error })}
              onClick={() => onError(error)}
            >
              {t("Show")}
            </button>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Stages({ report }: { report: Data }) {
  return (
    <Section title={t("What each stage did")}>
      <dl className="stages">
        {Object.entries({ ...report.stages, variety: report.augmentation }).map(([stage, facts]) => (
          <div key={stage}>
            <dt>{stageWord(stage)}</dt>
            <dd>
              <Facts line={factsLine(facts)} />
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}

function Facts({ line }: { line: string }) {
  return line === "" ? t("nothing to do") : <span lang="en">{line}</span>;
}

/** A stage's numbers in a line; what is nothing is not said. */
function factsLine(facts: Record<string, unknown>): string {
  return Object.entries(facts)
    .flatMap(([name, value]) => {
      if (typeof value === "number" && value !== 0) {
        return `${name}: ${formatNumber(value)}`.replaceAll("_", " ");
      }
      if (typeof value === "object" && value !== null && !Array.isArray(value)) {
        const inner = factsLine(value as Record<string, unknown>);
        return inner && name !== "before" && name !== "after" ? `${name} (${inner})` : [];
      }
      return [];
    })
    .join(", ");
}
