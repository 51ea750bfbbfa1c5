import { useState } from "react";

import type { NewJob } from "../../../api/training";
import { errorText } from "../../../ui/errorText";
import { t } from "../../../ui/i18n";
import { Problem } from "../../../ui/Problem";
import { Progress } from "../../../ui/Progress";
import { ForecastCard } from "./ForecastCard";
import { useForecast } from "./useForecast";

/** First what it would take, then the start; or the start at once. */
export function StartActions({
  body,
  blocked,
  onStart,
}: {
  body: NewJob;
  blocked: boolean;
  onStart: (body: NewJob) => Promise<void>;
}) {
  const { foretelling, ask, stop } = useForecast(body);
  const [starting, setStarting] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const fits = foretelling.state === "done" && foretelling.forecast.fits;
  const start = async () => {
    stop();
    setStarting(true);
    setProblem(null);
    try {
      // With the seed of the prediction, so that what was foretold is what runs.
      const seed = foretelling.state === "done" ? foretelling.forecast.settings.seed : undefined;
      await onStart(typeof seed === "number" ? { ...body, seed } : body);
    } catch (error) {
      setProblem(errorText(error));
    }
    setStarting(false);
  };
  return (
    <>
      <div aria-live="polite" className="page-part">
        {foretelling.state === "working" && (
          <Progress
            label={t("Trying a few steps on this machine")}
            value={null}
            note={t("seconds on a small model, minutes on a large one")}
          />
        )}
        {foretelling.state === "failed" && (
          <Problem className="trouble" text={foretelling.message} />
        )}
        {foretelling.state === "done" && <ForecastCard forecast={foretelling.forecast} />}
        {problem !== null && (
          <Problem className="trouble" text={problem} />
        )}
      </div>
      <div className="start-bar">
        {foretelling.state === "working" ? (
          <button type="button" className="button" onClick={stop}>
            {t("Stop trying")}
          </button>
        ) : (
          <button
            type="button"
            className={fits ? "button" : "button button-primary"}
            disabled={blocked || starting}
            onClick={() => void ask()}
          >
            {t("What would it take?")}
          </button>
        )}
        <button
          type="button"
          className={fits ? "button button-primary" : "button"}
          disabled={blocked || starting}
          onClick={() => void start()}
        >
          {fits ? t("Start training") : t("Start without asking")}
        </button>
        {blocked && <span className="hint">{t("Mend what is marked first.")}</span>}
      </div>
    </>
  );
}
