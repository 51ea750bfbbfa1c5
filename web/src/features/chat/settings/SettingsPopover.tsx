import { SlidersHorizontal } from "lucide-react";
import { useState } from "react";

import { t } from "../../../ui/i18n";
import { usePopover } from "../../../ui/usePopover";
import { saveTurnSettings, useTurnSettings } from "../turnSettings";
import { LookFields } from "./LookFields";
import { PresetPicker } from "./PresetPicker";
import { SamplingFields } from "./SamplingFields";
import { ToolFields } from "./ToolFields";

/** How this conversation's answers are drawn. Empty fields leave it to the model. */
export function SettingsPopover({ id }: { id: string }) {
  const settings = useTurnSettings(id);
  const { open, setOpen, rootRef, triggerRef } = usePopover();
  // Fields that were typed in keep their own text: another preset must begin them anew.
  const [serial, setSerial] = useState(0);
  const changed = Object.keys(settings).length > 0;

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
        <div className="panel settings-panel" role="dialog" aria-label={t("Answer settings")}>
          <PresetPicker
            settings={settings}
            onChoose={(chosen) => {
              saveTurnSettings(id, chosen);
              setSerial(serial + 1);
            }}
          />
          <SamplingFields
            key={serial}
            settings={settings}
            onChange={(change) => saveTurnSettings(id, { ...settings, ...change })}
          />
          <ToolFields
            settings={settings}
            onChange={(change) => saveTurnSettings(id, { ...settings, ...change })}
          />
          <LookFields
            settings={settings}
            onChange={(change) => saveTurnSettings(id, { ...settings, ...change })}
          />
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
