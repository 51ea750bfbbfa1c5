import type { LibraryModel, Lineage } from "../../api/library";
import { shortName } from "../../api/names";
import { formatNumber, t, useLanguage } from "../../ui/i18n";
import { Link } from "../../ui/Link";
import { formatMoment } from "../../ui/units";
import { methodName } from "./tree";

/** Where a tuned model comes from: base, rows, job, and what it gained, from top to bottom. */
export function LineageTree({ model, lineage }: { model: LibraryModel; lineage: Lineage }) {
  const language = useLanguage((state) => state.language);
  const { data, job, scores } = lineage;
  return (
    <ol className="lineage" aria-label={t("Where {name} comes from", { name: model.id })}>
      <li>
        <span className="lineage-what">{t("Base")}</span>
        <span>
          {shortName(lineage.base)}
          {!lineage.base_installed && <em> {t("not installed")}</em>}
        </span>
      </li>
      {(data.name !== null || data.rows !== null) && (
        <li>
          <span className="lineage-what">{t("Data")}</span>
          <span>
            {[
              data.name,
              data.rows !== null && t("{n} rows", { n: formatNumber(data.rows) }),
              data.held_out !== null && t("{n} held out", { n: formatNumber(data.held_out) }),
            ]
              .filter(Boolean)
              .join(" · ")}
          </span>
        </li>
      )}
      <li>
        <span className="lineage-what">{t("Training")}</span>
        <span>
          {[methodName(lineage.method), formatMoment(job?.created_at ?? model.created, language)]
            .filter(Boolean)
            .join(" · ")}
          {job !== null && (
            <>
              {" · "}
              <Link to={`/app/training/${job.id}`}>{t("its run")}</Link>
            </>
          )}
        </span>
      </li>
      {Object.entries(scores).map(([name, { before, after }]) => (
        <Score key={name} name={name} before={before} after={after} />
      ))}
    </ol>
  );
}

const number = (value: number) => formatNumber(value, { maximumSignificantDigits: 3 });

/** Both scores are better when they are lower; the bars begin at nothing, so they can be compared. */
function Score({ name, before, after }: { name: string; before: number; after: number }) {
  const most = Math.max(before, after, Number.MIN_VALUE);
  const label = name === "perplexity" ? t("Perplexity") : t("Bits per byte");
  return (
    <li>
      <span className="lineage-what">{label}</span>
      <span className="score">
        <meter aria-label={t("{name} before", { name: label })} max={most} value={before} />
        <span>{t("before {n}", { n: number(before) })}</span>
        <meter
          className="score-after"
          aria-label={t("{name} after", { name: label })}
          max={most}
          value={after}
        />
        <span>
          {t("after {n}", { n: number(after) })}
          {" · "}
          {after < before ? t("better") : t("not better")}
        </span>
      </span>
    </li>
  );
}
