import { useId } from "react";

import { formatNumber, t } from "../../../ui/i18n";
import type { FieldsProps } from "./fields";

const number = (text: string) => (text.trim() === "" ? undefined : Number(text));

/** How freely, how long, and what the model is told before. */
export function SamplingFields({ settings, onChange }: FieldsProps) {
  const names = { temperature: useId(), tokens: useId(), system: useId() };
  const { temperature } = settings;
  return (
    <>
      <div className="field">
        <label htmlFor={names.temperature}>
          {t("Temperature")}{" "}
          <output>
            {temperature === undefined
              ? t("model’s own")
              : formatNumber(temperature, { minimumFractionDigits: 1 })}
          </output>
        </label>
        <input
          id={names.temperature}
          type="range"
          min={0}
          max={2}
          step={0.1}
          value={temperature ?? 0.8}
          data-unset={temperature === undefined}
          onChange={(event) => onChange({ temperature: number(event.target.value) })}
        />
        <p className="hint">{t("Low is steady, high is inventive.")}</p>
      </div>
      <div className="field">
        <label htmlFor={names.tokens}>{t("Longest answer")}</label>
        <input
          id={names.tokens}
          type="number"
          min={1}
          step={1}
          inputMode="numeric"
          placeholder={t("As long as the model likes")}
          defaultValue={settings.max_tokens ?? ""}
          onChange={(event) => onChange({ max_tokens: number(event.target.value) })}
        />
        <p className="hint">{t("In tokens; a token is about three quarters of a word.")}</p>
      </div>
      <div className="field">
        <label htmlFor={names.system}>{t("Instructions")}</label>
        <textarea
          id={names.system}
          rows={3}
          placeholder={t("You are a patient teacher…")}
          defaultValue={settings.system ?? ""}
          onChange={(event) => onChange({ system: event.target.value })}
        />
        <p className="hint">{t("Told to the model before this conversation.")}</p>
      </div>
    </>
  );
}
