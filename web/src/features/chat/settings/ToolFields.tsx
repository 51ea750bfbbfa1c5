import { useEffect, useId, useState } from "react";

import { listTools } from "../../../api/presets";
import type { Tool } from "../../../api/types";
import { t } from "../../../ui/i18n";
import type { FieldsProps } from "./fields";

type Which = "auto" | "none" | "chosen";

/** What an answer may call on its way, and whether it has to ask. */
export function ToolFields({ settings, onChange }: FieldsProps) {
  const [known, setKnown] = useState<Tool[]>([]);
  useEffect(() => {
    // Without the list, what was chosen is kept; the page says elsewhere that the server is away.
    listTools().then(setKnown, () => undefined);
  }, []);
  const names = { which: useId(), ask: useId() };
  const { tools } = settings;
  const which: Which = tools === undefined ? "auto" : tools.length === 0 ? "none" : "chosen";
  const choose = (value: string) =>
    onChange({
      tools:
        value === "auto" ? undefined : value === "none" ? [] : known.map(({ name }) => name),
    });
  const toggle = (name: string, on: boolean) =>
    onChange({
      tools: on ? [...(tools ?? []), name] : (tools ?? []).filter((other) => other !== name),
    });

  return (
    <div className="field">
      <label htmlFor={names.which}>{t("Tools")}</label>
      <select id={names.which} value={which} onChange={(event) => choose(event.target.value)}>
        <option value="auto">{t("Where they may help")}</option>
        {(known.length > 0 || which === "chosen") && <option value="chosen">{t("These")}</option>}
        <option value="none">{t("None")}</option>
      </select>
      {which === "chosen" &&
        known.map(({ name, description }) => (
          <label key={name} className="check" title={description}>
            <input
              type="checkbox"
              checked={tools?.includes(name) ?? false}
              onChange={(event) => toggle(name, event.target.checked)}
            />
            <span>{name}</span>
          </label>
        ))}
      {which !== "none" && (
        <label className="check">
          <input
            type="checkbox"
            checked={settings.ask_leave ?? false}
            onChange={(event) => onChange({ ask_leave: event.target.checked })}
          />
          <span>{t("Ask me before each call")}</span>
        </label>
      )}
    </div>
  );
}
