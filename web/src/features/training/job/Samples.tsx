import { useId, useState } from "react";

import type { Checkpoint } from "../../../api/training";
import { t } from "../../../ui/i18n";
import { Section } from "../../../ui/PageFrame";

/** The same questions, answered by the model as it was at checkpoints that have answers. */
export function Samples({ checkpoints }: { checkpoints: Checkpoint[] }) {
  const [chosen, setChosen] = useState<number | null>(null);
  const id = useId();
  const at = Math.min(chosen ?? checkpoints.length - 1, checkpoints.length - 1);
  const shown = checkpoints[at];
  if (shown === undefined) return null;
  const word = t("after step {n}", { n: shown.step_number });
  return (
    <Section
      title={t("Answers on the way")}
      about={t("The same questions each time. Move through the steps to see it learn.")}
    >
      {checkpoints.length > 1 && (
        <div className="steps-slider">
          <label htmlFor={id}>{word}</label>
          <input
            id={id}
            type="range"
            min={0}
            max={checkpoints.length - 1}
            value={at}
            aria-label={t("Checkpoint")}
            aria-valuetext={word}
            onChange={(event) => setChosen(Number(event.target.value))}
          />
        </div>
      )}
      <dl className="answers" aria-live="polite">
        {shown.samples.map(({ prompt, answer }) => (
          <div key={prompt} className="answer-pair">
            <dt>{prompt}</dt>
            <dd>{answer.trim() || <span className="hint">{t("(nothing)")}</span>}</dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}
