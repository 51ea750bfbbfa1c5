import { ArrowLeft } from "lucide-react";
import { useMemo } from "react";

import { t } from "../../../ui/i18n";
import { Link } from "../../../ui/Link";
import { PageFrame, Section } from "../../../ui/PageFrame";
import { Problem } from "../../../ui/Problem";
import { LazyChart } from "../chart/LazyChart";
import { aligned, columnsOf, smooth } from "../curves";
import { useFileNames } from "../names";
import { formatLoss, jobWord } from "../words";
import { CompareTable } from "./CompareTable";
import { useRuns } from "./useRuns";

const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3]];

/** Two to four runs in one chart and one table. */
export function ComparePage({ ids }: { ids: string[] }) {
  const { runs, problem } = useRuns(ids.filter(Boolean).slice(0, DASHES.length));
  const names = useFileNames((state) => state.names);
  const charts = useMemo(() => {
    const columns = runs.map(({ curves }) => columnsOf(curves));
    const seen = new Map<string, number>();
    const labels = runs.map(({ job }) => {
      const word = jobWord(job, names);
      const times = (seen.get(word) ?? 0) + 1;
      seen.set(word, times);
      return times === 1 ? word : `${word} (${times})`;
    });
    return [
      { title: t("Training loss"), name: "train_loss", change: smooth },
      { title: t("Held-out loss"), name: "valid_loss", change: (values: (number | null)[]) => values },
    ]
      .filter(({ name }) => columns.some((one) => one.has(name)))
      .map(({ title, name, change }) => {
        const { steps, values } = aligned(columns, name);
        const lines = values.map((one, index) => ({
          label: labels[index] ?? "",
          values: change(one),
          tint: index,
          dash: DASHES[index] ?? [],
        }));
        return { title, steps, lines };
      });
  }, [runs, names]);
  return (
    <PageFrame title={t("Compare runs")}>
      <Link to="/app/training" className="text-button way-back">
        <ArrowLeft size={16} aria-hidden /> {t("All runs")}
      </Link>
      {problem !== null && (
        <Problem className="trouble" text={problem} />
      )}
      {charts.length > 0 && (
        <Section title={t("Curves")}>
          <div className="curves">
            {charts.map(({ title, steps, lines }) => (
              <LazyChart key={title} title={title} steps={steps} lines={lines} format={formatLoss} />
            ))}
          </div>
        </Section>
      )}
      {runs.length > 0 && (
        <Section title={t("Side by side")}>
          <CompareTable runs={runs} />
        </Section>
      )}
    </PageFrame>
  );
}
