import { Suspense, lazy } from "react";

import { t } from "../../../ui/i18n";
import type { Line } from "./draw";

const Chart = lazy(() => import("./Chart"));

/** The drawing code is fetched when there is something to draw. */
export function LazyChart(props: {
  title: string;
  steps: number[];
  lines: Line[];
  format: (value: number) => string;
}) {
  return (
    <Suspense fallback={<p className="curve hint">{t("Opening…")}</p>}>
      <Chart {...props} />
    </Suspense>
  );
}
