import { t } from "../../../ui/i18n";
import { ALTERNATIVES } from "../turnSettings";
import type { FieldsProps } from "./fields";

/** Looking into the model. */
export function LookFields({ settings, onChange }: FieldsProps) {
  return (
    <div className="field">
      <label className="check">
        <input
          type="checkbox"
          checked={settings.logprobs !== undefined}
          onChange={(event) =>
            onChange({ logprobs: event.target.checked ? ALTERNATIVES : undefined })
          }
        />
        <span>{t("Show how sure the model is")}</span>
      </label>
      <p className="hint">
        {t("Of answers to come: each word’s probability, and what else it might have been. Kept until this page is closed.")}
      </p>
    </div>
  );
}
