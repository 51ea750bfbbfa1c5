import { SlidersHorizontal } from "lucide-react";
import { useId } from "react";

import { t } from "../../ui/i18n";
import { usePopover } from "../../ui/usePopover";
import { saveTurnSettings, useTurnSettings } from "./turnSettings";

const number = (text: string) => (text.trim() === "" ? undefined : Number(text));

/** How this conversation's answers are drawn. Empty fields leave it to the model. */
export function SettingsPopover({ id }: { id: string }) {
  const settings = useTurnSettings(id);
  const { open, setOpen, rootRef, triggerRef } = usePopover();
  const names = { temperature: useId(), tokens: useId(), system: useId() };
  const changed = Object.keys(settings).length > 0;
  const set = (field: string, value: number | string | undefined) =>
    saveTurnSettings(id, { ...settings, [field]: value });

  return (
    <div className="popover-root" ref={rootRef}>
      <button
        type="button"
        ref={triggerRef}
        className="icon-button"
        data-marked={changed}
        aria-label={t("Answer settings")}
        aria-haspopup="dialog"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <SlidersHorizontal size={17} aria-hidden />
      </button>
      {open && (
        <div className="panel" role="dialog" aria-label={t("Answer settings")}>
          <div className="field">
            <label htmlFor={names.temperature}>
              {t("Temperature")}{" "}
              <output>{settings.temperature?.toFixed(1) ?? t("model’s own")}</output>
            </label>
            <input
              id={names.temperature}
              type="range"
              min={0}
              max={2}
              step={0.1}
              value={settings.temperature ?? 0.8}
              data-unset={settings.temperature === undefined}
              onChange={(event) => set("temperature", number(event.target.value))}
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
              onChange={(event) => set("max_tokens", number(event.target.value))}
            />
            <p className="hint">{t("In tokens; a token is about three quarters of a word.")}</p>
          </div>
          <div className="field">
            <label htmlFor={names.system}>{t("Instructions")}</label>
            <textarea
              id={names.system}
              rows={4}
              placeholder={t("You are a patient teacher…")}
              defaultValue={settings.system ?? ""}
              onChange={(event) => set("system", event.target.value)}
            />
            <p className="hint">{t("Told to the model before this conversation.")}</p>
          </div>
          <button
            type="button"
            className="button"
            disabled={!changed}
            onClick={() => {
              saveTurnSettings(id, {});
              setOpen(false);
            }}
          >
            {t("Back to the model’s own")}
          </button>
        </div>
      )}
    </div>
  );
}
