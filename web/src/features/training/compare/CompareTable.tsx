import type { ReactNode } from "react";

import { formatNumber, t } from "../../../ui/i18n";
import { Link } from "../../../ui/Link";
import { formatBytes, formatDuration } from "../../../ui/units";
import { type Columns, columnsOf, least } from "../curves";
import { useFileNames } from "../names";
import { StatusChip } from "../StatusChip";
import { askedOf, dataWord, formatCount, formatLoss, jobWord, methodWord } from "../words";
import type { Run } from "./useRuns";

/** A column for each run, a row for each thing to compare. */
export function CompareTable({ runs }: { runs: Run[] }) {
  const names = useFileNames((state) => state.names);
  const all = runs.map((run) => ({ ...run, columns: columnsOf(run.curves, 0) }));
  const rows: [string, (run: (typeof all)[number]) => ReactNode][] = [
    [t("State"), ({ job }) => <StatusChip status={job.status} />],
    [t("Base model"), ({ job }) => job.model],
    [t("Data"), ({ job }) => dataWord(job.training_file, names)],
    [t("Method"), ({ job }) => methodWord(job)],
    [
      t("Asked for"),
      ({ job }) =>
        askedOf(job)
          .map(([name, value]) => `${name} ${value}`)
          .join(", ") || t("automatic"),
    ],
    [t("Steps"), ({ columns }) => shown(columns.steps.at(-1) ?? null, formatCount)],
    [t("Training loss at the end"), ({ columns }) => shown(columns.last("train_loss"), formatLoss)],
    [t("Best held-out loss"), ({ columns }) => shown(least(columns.of("valid_loss")), formatLoss)],
    [t("Perplexity before and after"), ({ columns }) => perplexity(columns)],
    [t("Tokens a second"), ({ columns }) => shown(columns.last("tokens_per_second"), formatCount)],
    [t("Memory at most"), ({ columns }) => shown(most(columns.of("memory_bytes")), formatBytes)],
    [t("Time"), ({ columns }) => shown(columns.last("seconds"), formatDuration)],
  ];
  return (
    <div className="table-scroll">
      <table className="figures compared">
        <thead>
          <tr>
            <th scope="col">{t("Run")}</th>
            {all.map(({ job }, index) => (
              <th scope="col" key={job.id}>
                <span className={`dot tint-${index}`} aria-hidden />
                <Link to={`/app/training/${job.id}`}>{jobWord(job, names)}</Link>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, of]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {all.map((run) => (
                <td key={run.job.id}>{of(run)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const shown = (value: number | null, format: (value: number) => string) =>
  value === null ? "–" : format(value);

function most(values: (number | null)[]): number | null {
  const known = values.filter((value) => value !== null && value > 0) as number[];
  return known.length === 0 ? null : Math.max(...known);
}

const formatPerplexity = (value: number) => formatNumber(value, { maximumFractionDigits: 2 });

function perplexity(columns: Columns): string {
  const measured = columns.of("valid_perplexity").filter((value) => value !== null);
  if (measured.length < 2) return "–";
  const [before, after] = [measured[0] ?? 0, measured.at(-1) ?? 0];
  return `${formatPerplexity(before)} → ${formatPerplexity(after)}`;
}
