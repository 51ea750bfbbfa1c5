import { Save, Trash2 } from "lucide-react";
import { type FormEvent, useCallback, useEffect, useId, useState } from "react";

import { deletePreset, listPresets, savePreset } from "../../../api/presets";
import type { Preset, TurnSettings } from "../../../api/types";
import { t } from "../../../ui/i18n";
import { showError } from "../../../ui/toast";

/** The order of fields is nobody's choice. */
const key = (settings: TurnSettings) =>
  JSON.stringify(Object.entries(settings).toSorted(([a], [b]) => a.localeCompare(b)));

const complain = (error: unknown) =>
  showError(error);

/** Settings kept by name: choose, save, delete. */
export function PresetPicker({
  settings,
  onChoose,
}: {
  settings: TurnSettings;
  onChoose: (settings: TurnSettings) => void;
}) {
  const [presets, setPresets] = useState<Preset[]>([]);
  const [name, setName] = useState<string | null>(null);
  const id = useId();
  const load = useCallback(() => listPresets().then(setPresets, () => undefined), []);
  useEffect(() => void load(), [load]);
  const current = presets.find((preset) => key(preset.settings) === key(settings));
  const empty = Object.keys(settings).length === 0;

  const save = (event: FormEvent) => {
    event.preventDefault();
    if (!name?.trim()) return;
    savePreset(name.trim(), settings).then(() => {
      setName(null);
      void load();
    }, complain);
  };

  if (name !== null) {
    return (
      <form className="field" onSubmit={save}>
        <label htmlFor={id}>{t("Name of the preset")}</label>
        <div className="field-row">
          <input
            id={id}
            type="text"
            className="text-input"
            maxLength={80}
            autoFocus
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
          <button type="submit" className="button button-small" disabled={!name.trim()}>
            {t("Save")}
          </button>
          <button type="button" className="button button-small" onClick={() => setName(null)}>
            {t("Cancel")}
          </button>
        </div>
      </form>
    );
  }
  return (
    <div className="field">
      <label htmlFor={id}>{t("Preset")}</label>
      <div className="field-row">
        <select
          id={id}
          value={current?.id ?? ""}
          onChange={(event) => {
            const chosen = presets.find((preset) => preset.id === event.target.value);
            onChoose(chosen?.settings ?? {});
          }}
        >
          <option value="">{empty ? t("The model’s own") : t("As set below")}</option>
          {presets.map((preset) => (
            <option key={preset.id} value={preset.id}>
              {preset.name}
            </option>
          ))}
        </select>
        <button
          type="button"
          className="icon-button"
          aria-label={t("Save as a preset")}
          title={t("Save as a preset")}
          disabled={empty}
          onClick={() => setName(current?.name ?? "")}
        >
          <Save size={16} aria-hidden />
        </button>
        <button
          type="button"
          className="icon-button"
          aria-label={t("Delete this preset")}
          title={t("Delete this preset")}
          disabled={!current}
          onClick={() => current && deletePreset(current.id).then(load, complain)}
        >
          <Trash2 size={16} aria-hidden />
        </button>
      </div>
    </div>
  );
}
