import type { Vision } from "../../api/providers";
import { t } from "../../ui/i18n";

/** Which of a service's models take pictures. `stored`: what was chosen before; a list of names,
 * which only a program writes, can be kept or replaced. */
export function SightField({
  stored,
  vision,
  onChange,
}: {
  stored: Vision;
  vision: Vision;
  onChange: (vision: Vision) => void;
}) {
  const choices: { name: string; label: string; value: Vision }[] = [
    {
      name: "usual",
      label: t("As usual: Anthropic’s and OpenAI’s own do, others do not"),
      value: null,
    },
    { name: "all", label: t("Its models see pictures"), value: true },
    { name: "none", label: t("Its models read text only"), value: false },
  ];
  if (Array.isArray(stored)) {
    const label = t("Only {models}", { models: stored.join(", ") });
    choices.push({ name: "some", label, value: stored });
  }
  const chosen = choices.find(({ value }) => value === vision)?.name ?? "some";
  return (
    <label className="field">
      <span>{t("Pictures")}</span>
      <select
        value={chosen}
        onChange={(event) =>
          onChange(choices.find(({ name }) => name === event.target.value)?.value ?? null)
        }
      >
        {choices.map(({ name, label }) => (
          <option key={name} value={name}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
}
