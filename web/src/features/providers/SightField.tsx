import { useState } from "react";

import type { Vision } from "../../api/providers";
import { t } from "../../ui/i18n";

/** Which of a service's models take pictures. A list of names, which only config.toml or a program
 * writes, can be kept or replaced. */
export function SightField({
  vision,
  onChange,
}: {
  vision: Vision;
  onChange: (vision: Vision) => void;
}) {
  const [listed] = useState(Array.isArray(vision) ? vision : null);
  const choices: [string, string, Vision][] = [
    ["usual", t("As usual: Anthropic’s and OpenAI’s own do, others do not"), null],
    ["all", t("Its models see pictures"), true],
    ["none", t("Its models read text only"), false],
  ];
  if (listed !== null) {
    choices.push(["some", t("Only {models}", { models: listed.join(", ") }), listed]);
  }
  return (
    <label className="field">
      <span>{t("Pictures")}</span>
      <select
        value={choices.find(([, , value]) => value === vision)?.[0]}
        onChange={(event) =>
          onChange(choices.find(([name]) => name === event.target.value)?.[2] ?? null)
        }
      >
        {choices.map(([name, label]) => (
          <option key={name} value={name}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
}
