import { useMemo } from "react";

import { t } from "../../../ui/i18n";
import { formatBytes } from "../../../ui/units";
import { FiguresTable } from "../chart/FiguresTable";
import { LazyChart } from "../chart/LazyChart";
import type { Line } from "../chart/draw";
import { type Columns, type Curves, columnsOf, smooth } from "../curves";
import { formatCount, formatLoss, formatRate } from "../words";

const SMOOTHED_FROM = 80;

/** What the run tells of its steps. planned: bytes that were foretold. */
export function Charts({ curves, planned }: { curves: Curves; planned: number | null }) {
  const columns = useMemo(() => columnsOf(curves), [curves]);
  const charts = useMemo(() => chartsOf(columns, planned), [columns, planned]);
  if (columns.steps.length === 0) {
    return <p className="hint">{t("The curves begin with the first step.")}</p>;
  }
  return (
    <>
      <div className="curves">
        {charts.map(({ title, lines, format }) => (
          <LazyChart
            key={title}
            title={title}
            steps={columns.steps}
            lines={lines}
            format={format}
          />
        ))}
      </div>
      <FiguresTable columns={columns} figures={figures()} />
    </>
  );
}

interface Drawn {
  title: string;
  lines: Line[];
  format: (value: number) => string;
}

function chartsOf(columns: Columns, planned: number | null): Drawn[] {
  const rate = columns.of("learning_rate");
  const charts: Drawn[] = [
    { title: t("Loss"), lines: lossLines(columns), format: formatLoss },
    { title: t("Learning rate"), lines: [line(t("rate"), rate, 2)], format: formatRate },
    {
      title: t("Tokens a second"),
      lines: [line(t("read"), columns.of("tokens_per_second"), 3)],
      format: formatCount,
    },
  ];
  if (columns.last("memory_bytes")) {
    const held = [line(t("held"), columns.of("memory_bytes"), 4)];
    if (planned !== null) {
      const constant = columns.steps.map(() => planned);
      held.push({ ...line(t("foretold at most"), constant, 5), dash: [3, 4] });
    }
    charts.push({ title: t("Memory"), lines: held, format: formatBytes });
  }
  if (columns.has("accuracy")) {
    const right = [line(t("training"), columns.of("accuracy"), 0)];
    if (columns.has("valid_accuracy")) {
      right.push({ ...line(t("held out"), columns.of("valid_accuracy"), 1), dash: [7, 4] });
    }
    charts.push({ title: t("Better answer preferred"), lines: right, format: formatLoss });
  }
  return charts;
}

function lossLines(columns: Columns): Line[] {
  const loss = columns.of("train_loss");
  const lines = [line(t("training"), loss, 0)];
  if (columns.steps.length >= SMOOTHED_FROM) {
    lines.unshift({ ...line("", loss, 0), faint: true });
    lines[1] = line(t("training, smoothed"), smooth(loss), 0);
  }
  if (columns.has("valid_loss")) {
    lines.push({ ...line(t("held out"), columns.of("valid_loss"), 1), dash: [7, 4] });
  }
  return lines;
}

const line = (label: string, values: (number | null)[], tint: number): Line => ({
  label,
  values,
  tint,
});

export const figures = () => [
  { name: "train_loss", label: t("Training loss"), format: formatLoss },
  { name: "valid_loss", label: t("Held-out loss"), format: formatLoss },
  { name: "learning_rate", label: t("Learning rate"), format: formatRate },
  { name: "tokens_per_second", label: t("Tokens a second"), format: formatCount },
  { name: "memory_bytes", label: t("Memory"), format: formatBytes },
  { name: "accuracy", label: t("Better answer preferred"), format: formatLoss },
];
