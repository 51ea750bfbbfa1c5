import type { Forecast } from "../../../api/training";
import { formatNumber, t } from "../../../ui/i18n";
import { Section } from "../../../ui/PageFrame";
import { formatBytes, formatDuration } from "../../../ui/units";

/** What the run would take, and what was chosen and why. */
export function ForecastCard({ forecast }: { forecast: Forecast }) {
  const { problem, memory_bytes: memory, memory_free: free } = forecast;
  const warnings = forecast.reasons.filter(({ level }) => level !== "info");
  const reasons = forecast.reasons.filter(({ level }) => level === "info");
  return (
    <Section title={problem === null ? t("It fits") : t("It does not fit")}>
      {problem !== null && (
        <p className="trouble" role="alert" lang="en">
          {problem.message} {problem.hint}
        </p>
      )}
      {warnings.map(({ message }) => (
        <p className="trouble" lang="en" key={message}>
          {message}
        </p>
      ))}
      {problem === null && (
        <dl className="tiles">
          {forecast.seconds !== null && (
            <Tile name={t("Time")} value={formatDuration(forecast.seconds)} />
          )}
          {forecast.steps !== null && (
            <Tile name={t("Steps")} value={formatNumber(forecast.steps)} />
          )}
          {forecast.trained_tokens !== null && (
            <Tile name={t("Tokens learnt from")} value={formatNumber(forecast.trained_tokens)} />
          )}
          {memory !== null && <Tile name={t("Memory at most")} value={formatBytes(memory)} />}
        </dl>
      )}
      {problem === null && memory !== null && free !== null && (
        <label className="bar">
          <span>{t("Memory")}</span>
          <meter min={0} max={Math.max(free, memory)} high={free * 0.9} value={memory} />
          <b>{t("{part} of {whole} free", { part: formatBytes(memory), whole: formatBytes(free) })}</b>
        </label>
      )}
      {reasons.length > 0 && (
        <>
          <h3>{t("What was chosen, and why")}</h3>
          <ul className="whys">
            {reasons.map(({ message }) => (
              <li lang="en" key={message}>
                {message}
              </li>
            ))}
          </ul>
        </>
      )}
    </Section>
  );
}

function Tile({ name, value }: { name: string; value: string }) {
  return (
    <div className="tile">
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
