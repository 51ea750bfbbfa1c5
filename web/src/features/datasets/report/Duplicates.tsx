import { useEffect, useState } from "react";

import {
  type RejectedRow,
  type Report,
  type WholeRejectedRow,
  getRejectedRow,
  listRows,
} from "../../../api/datasets";
import { formatNumber, t } from "../../../ui/i18n";
import { Section } from "../../../ui/PageFrame";
import { turnsOf } from "../rows/turns";
import { RowTurns } from "../rows/RowTurns";

const ERRORS = ["near_duplicate_row", "duplicate_row"];
const MOST_PAIRS = 3;

/** Rows that repeat another one, beside the one that was kept. */
export function Duplicates({ name, report }: { name: string; report: Report }) {
  const count = ERRORS.reduce((sum, error) => sum + (report.rejections[error]?.count ?? 0), 0);
  const [pairs, setPairs] = useState<WholeRejectedRow[]>([]);
  useEffect(() => {
    if (count === 0) return undefined;
    const stop = new AbortController();
    findPairs(name, stop.signal).then(
      (found) => {
        if (!stop.signal.aborted) setPairs(found);
      },
      () => undefined, // the rest of the report stands without them
    );
    return () => stop.abort();
  }, [name, count]);
  return (
    <Section title={t("Duplicates")}>
      <p>
        {count === 0
          ? t("No row repeats another one.")
          : t("{n} left out because they repeat another row.", { n: formatNumber(count) })}
      </p>
      {pairs.map((pair) => (
        <div key={pair.number} className="pair side-by-side">
          <Side heading={t("Kept: {place}", { place: pair.repeats?.place ?? "" })}
            row={pair.repeats?.row ?? null}
          />
          <Side heading={t("Left out: {place}", { place: pair.place })} row={pair.row} />
        </div>
      ))}
    </Section>
  );
}

async function findPairs(name: string, signal: AbortSignal): Promise<WholeRejectedRow[]> {
  const found: RejectedRow[] = [];
  for (const error of ERRORS) {
    const query = { which: "rejected" as const, after: 0, query: "", error, signal };
    found.push(...(await listRows<RejectedRow>(name, query)).data);
  }
  const first = found.slice(0, MOST_PAIRS);
  return Promise.all(first.map(({ number }) => getRejectedRow(name, number)));
}

function Side({ heading, row }: { heading: string; row: string | null }) {
  const turns = row === null ? null : turnsOf(row);
  return (
    <div>
      <h3>{heading}</h3>
      {row === null && <p className="hint">{t("Its source is not there any more.")}</p>}
      {turns !== null && <RowTurns turns={turns} more={0} />}
      {row !== null && turns === null && <pre className="raw">{row}</pre>}
    </div>
  );
}
