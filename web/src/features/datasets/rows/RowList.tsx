import { ChevronLeft, ChevronRight } from "lucide-react";

import type { ChangedRow, KeptRow, RejectedRow, Which } from "../../../api/datasets";
import { formatNumber, t } from "../../../ui/i18n";
import { Problem } from "../../../ui/Problem";
import { stageWord } from "../words";
import { RowTurns } from "./RowTurns";
import { useFixes } from "./fixes";
import { turnsOf } from "./turns";
import type { useRows } from "./useRows";

interface Props {
  found: ReturnType<typeof useRows>;
  which: Which;
  onFix: (number: number) => void;
  onTokens: (number: number) => void;
}

export function RowList({ found, which, onFix, onTokens }: Props) {
  const { page, failed, loading, next, back, pageNumber } = found;
  if (failed !== null) {
    return (
      <Problem className="error-note" text={failed} />
    );
  }
  const isEmpty = page !== null && page.data.length === 0;
  return (
    <>
      <ol className="row-list" aria-busy={loading}>
        {page?.data.map((row) => (
          <li key={row.number}>
            <span className="row-number">{formatNumber(row.number)}</span>
            {"before" in row ? (
              <Changed row={row} />
            ) : "error" in row ? (
              <Rejected row={row} onFix={onFix} />
            ) : (
              <Kept row={row} which={which} onTokens={onTokens} />
            )}
          </li>
        ))}
      </ol>
      {isEmpty && (
        <p role="status">
          {loading && page.next !== null
            ? t("Looking on: nothing in the first {n} rows.", { n: formatNumber(page.next) })
            : t("No such rows.")}
        </p>
      )}
      {(next !== null || back !== null) && (
        <nav className="pager" aria-label={t("Pages of rows")}>
          <button
            type="button"
            className="button button-small"
            disabled={back === null}
            onClick={() => back?.()}
          >
            <ChevronLeft size={15} aria-hidden /> {t("Back")}
          </button>
          <span className="hint">{t("Page {n}", { n: formatNumber(pageNumber) })}</span>
          <button
            type="button"
            className="button button-small"
            disabled={next === null}
            onClick={() => next?.()}
          >
            {t("Next")} <ChevronRight size={15} aria-hidden />
          </button>
        </nav>
      )}
    </>
  );
}

function Kept({
  row,
  which,
  onTokens,
}: {
  row: KeptRow;
  which: Which;
  onTokens: (number: number) => void;
}) {
  return (
    <>
      <RowTurns turns={row.turns} more={row.more} />
      {which !== "changed" && (
        <button
          type="button"
          className="button button-small"
          aria-label={t("Tokens of row {n}", { n: row.number })}
          onClick={() => onTokens(row.number)}
        >
          {t("Tokens")}
        </button>
      )}
    </>
  );
}

function Rejected({ row, onFix }: { row: RejectedRow; onFix: (number: number) => void }) {
  const fixed = useFixes(({ fixes }) => fixes.some(({ number }) => number === row.number));
  const turns = turnsOf(row.row);
  return (
    <>
      <div className="rejected">
        <p>
          <code className="error-name">{row.error}</code> <span className="hint">{row.place}</span>
        </p>
        <p lang="en">
          {row.message} <b>{row.cure}</b>
        </p>
        {turns === null ? (
          <pre className="raw">{row.row}</pre>
        ) : (
          <RowTurns turns={turns} more={0} />
        )}
        {fixed && <p className="good-word">{t("Fixed, not in a version yet.")}</p>}
      </div>
      <button
        type="button"
        className="button button-small"
        aria-label={t("Fix row {n}", { n: row.number })}
        onClick={() => onFix(row.number)}
      >
        {t("Fix")}
      </button>
    </>
  );
}

function Changed({ row }: { row: ChangedRow }) {
  return (
    <div className="rejected">
      <p>
        <b>{row.by.map(stageWord).join(", ")}</b> <span className="hint">{row.place}</span>
      </p>
      <div className="pair side-by-side">
        <div>
          <h3>{t("Before")}</h3>
          <RowTurns turns={row.before.turns} more={row.before.more} against={row.after.turns} />
        </div>
        <div>
          <h3>{t("After")}</h3>
          <RowTurns turns={row.after.turns} more={row.after.more} against={row.before.turns} />
        </div>
      </div>
    </div>
  );
}
