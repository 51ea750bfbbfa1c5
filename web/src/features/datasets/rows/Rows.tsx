import { useEffect, useState } from "react";

import type { Dataset, Which } from "../../../api/datasets";
import { formatNumber, t } from "../../../ui/i18n";
import { PendingFixes } from "./PendingFixes";
import { FixDialog } from "./FixDialog";
import { RowList } from "./RowList";
import { TokensDialog } from "./TokensDialog";
import { loadFixes } from "./fixes";
import { useRows } from "./useRows";

/** What is open over the list. */
type Open = { kind: "fix" | "tokens"; number: number } | null;

/** A dataset's rows, to look through, search and mend. error: show those left out for it. */
export function Rows({ dataset, error: asked }: { dataset: Dataset; error: string }) {
  const { name, rows } = dataset;
  const [which, setWhich] = useState<Which>(asked ? "rejected" : "train");
  const [query, setQuery] = useState("");
  const [error, setError] = useState(asked);
  const [open, setOpen] = useState<Open>(null);
  const found = useRows(name, { which, query, error: which === "rejected" ? error : "" });
  useEffect(() => loadFixes(name), [name]);

  const choices: [Which, string, number | null][] = [
    ["train", t("To learn from"), rows.train],
    ["validation", t("Held out"), rows.validation],
    ["rejected", t("Left out"), rows.rejected],
    ["changed", t("Changed"), null],
  ];
  return (
    <section className="card rows" aria-label={t("Rows")}>
      <div className="rows-head">
        <div className="segments" role="group" aria-label={t("Which rows")}>
          {choices.map(([value, label, count]) => (
            <button
              key={value}
              type="button"
              aria-pressed={which === value}
              onClick={() => setWhich(value)}
            >
              {label} {count !== null && <span className="hint">{formatNumber(count)}</span>}
            </button>
          ))}
        </div>
        <input
          type="search"
          className="rows-search"
          placeholder={t("Search the rows")}
          aria-label={t("Search the rows")}
          maxLength={200}
          value={query}
          onChange={(event) => setQuery(event.target.value)}
        />
      </div>
      {which === "rejected" && <PendingFixes name={name} />}
      {which === "changed" && (
        <p className="hint">
          {t("Rows that were repaired or masked, read again from their source: before and after.")}
        </p>
      )}
      {which === "rejected" && error !== "" && (
        <p>
          {t("Only those with")} <code>{error}</code>{" "}
          <button type="button" className="text-button" onClick={() => setError("")}>
            {t("Show all")}
          </button>
        </p>
      )}
      <RowList
        found={found}
        which={which}
        onFix={(number) => setOpen({ kind: "fix", number })}
        onTokens={(number) => setOpen({ kind: "tokens", number })}
      />
      {open?.kind === "fix" && (
        <FixDialog dataset={dataset} number={open.number} onClose={() => setOpen(null)} />
      )}
      {open?.kind === "tokens" && which !== "rejected" && which !== "changed" && (
        <TokensDialog
          name={name}
          which={which}
          number={open.number}
          onClose={() => setOpen(null)}
        />
      )}
    </section>
  );
}
