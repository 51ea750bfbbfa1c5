import { t } from "../../../ui/i18n";
import { type Field, type Form, fieldsFor, parsed } from "./form";
import { meanings } from "./meanings";

/** Every setting by its name, empty where it is left to be chosen. */
export function Expert({
  form,
  onChange,
}: {
  form: Form;
  onChange: (expert: Record<string, string>) => void;
}) {
  const words = meanings();
  return (
    <details className="fold card" open={Object.keys(form.expert).length > 0}>
      <summary>{t("Expert settings")}</summary>
      <p className="hint">
        {t("What stays empty is chosen for the data and the machine, and the reason told.")}
      </p>
      <div className="expert">
        {fieldsFor(form).map((field) => (
          <ExpertField
            key={field.name}
            field={field}
            about={words[field.name] ?? ""}
            text={form.expert[field.name] ?? ""}
            onChange={(text) => {
              const { [field.name]: _, ...others } = form.expert;
              onChange(text === "" ? others : { ...others, [field.name]: text });
            }}
          />
        ))}
      </div>
    </details>
  );
}

function ExpertField({
  field,
  about,
  text,
  onChange,
}: {
  field: Field;
  about: string;
  text: string;
  onChange: (text: string) => void;
}) {
  const id = `expert-${field.name}`;
  const wrong = parsed(field, text) === null;
  const shared = { id, "aria-describedby": `${id}-about`, value: text };
  return (
    <div className="field">
      <label htmlFor={id}>
        <code>{field.name}</code>
      </label>
      {field.kind === "choice" || field.kind === "flag" ? (
        <select {...shared} onChange={(event) => onChange(event.target.value)}>
          <option value="">{t("automatic")}</option>
          {field.kind === "flag" ? (
            <>
              <option value="true">{t("yes")}</option>
              <option value="false">{t("no")}</option>
            </>
          ) : (
            field.choices.map((choice) => <option key={choice}>{choice}</option>)
          )}
        </select>
      ) : (
        <input
          {...shared}
          inputMode={field.kind === "number" ? "decimal" : "text"}
          placeholder={t("automatic")}
          aria-invalid={wrong}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
      <span className="hint" id={`${id}-about`}>
        {wrong && <b className="wrong">{rangeWord(field)} </b>}
        {about}
      </span>
    </div>
  );
}

function rangeWord(field: Field): string {
  if (field.kind !== "number") return t("Choose one of those offered.");
  const range = { least: field.least, most: field.most };
  return field.whole
    ? t("A whole number from {least} to {most}.", range)
    : t("A number from {least} to {most}.", range);
}
