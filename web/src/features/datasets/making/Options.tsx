import { formatNumber, t } from "../../../ui/i18n";

export interface PrepareChoices {
  validation: number;
  augment: boolean;
  format?: string;
}

export const DEFAULTS: PrepareChoices = { validation: 0.1, augment: true };

const SHARES = [0, 0.05, 0.1, 0.2];
const FORMATS = [
  "openai",
  "sharegpt",
  "alpaca",
  "question-answer",
  "prompt-completion",
  "turns",
  "preference",
  "kto",
  "text",
];

export function Options({
  choices,
  onChange,
}: {
  choices: PrepareChoices;
  onChange: (choices: PrepareChoices) => void;
}) {
  return (
    <details className="options">
      <summary>{t("How it is prepared")}</summary>
      <label className="field">
        <span>{t("Held out to check")}</span>
        <select
          value={choices.validation}
          onChange={(event) => onChange({ ...choices, validation: Number(event.target.value) })}
        >
          {SHARES.map((share) => (
            <option key={share} value={share}>
              {share === 0 ? t("Nothing") : formatNumber(share, { style: "percent" })}
            </option>
          ))}
        </select>
      </label>
      <label className="field">
        <span>{t("Form of the rows")}</span>
        <select
          value={choices.format ?? ""}
          onChange={({ target: { value } }) => {
            const { validation, augment } = choices;
            onChange({ validation, augment, ...(value ? { format: value } : {}) });
          }}
        >
          <option value="">{t("Told by the rows themselves")}</option>
          {FORMATS.map((format) => (
            <option key={format} value={format}>
              {format}
            </option>
          ))}
        </select>
      </label>
      <label className="check">
        <input
          type="checkbox"
          checked={choices.augment}
          onChange={(event) => onChange({ ...choices, augment: event.target.checked })}
        />
        <span>{t("Vary requests and join exchanges where that adds variety")}</span>
      </label>
    </details>
  );
}
