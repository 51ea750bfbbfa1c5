import { type FormEvent, useState } from "react";

import type { LibraryModel } from "../../api/library";
import { errorText } from "../../ui/errorText";
import { t } from "../../ui/i18n";
import { Dialog } from "../../ui/Dialog";
import { Problem } from "../../ui/Problem";
import { formatBytes } from "../../ui/units";
import { begin } from "./store";

/** A smaller copy of a model, or a form that other programs read. */
export function ConvertDialog({
  model,
  kind,
  onClose,
}: {
  model: LibraryModel;
  kind: "quantize" | "export";
  onClose: () => void;
}) {
  const quantize = kind === "quantize";
  const tuned = model.lineage !== null;
  const [to, setTo] = useState(quantize ? "int4" : "q8_0");
  const [name, setName] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      const copy = name.trim();
      await begin({ kind, model: model.id, to, ...(quantize && copy ? { name: copy } : {}) });
      onClose();
    } catch (error) {
      setProblem(errorText(error));
      setBusy(false);
    }
  };

  return (
    <Dialog
      title={quantize ? t("Quantise {name}", { name: model.id }) : t("Export {name}", { name: model.id })}
      onClose={onClose}
    >
      <form onSubmit={(event) => void submit(event)}>
        <fieldset className="format-choices">
          <legend>{t("Format")}</legend>
          {(quantize ? packedFormats(model) : exportFormats(model)).map(([value, label, about]) => (
            <label key={value} className="format-choice">
              <input
                type="radio"
                name="format"
                value={value}
                checked={to === value}
                onChange={() => setTo(value)}
              />
              <b>{label}</b>
              <span className="choice-about">{about}</span>
            </label>
          ))}
        </fieldset>
        {quantize && (
          <label className="field">
            <span>{t("Name of the copy")}</span>
            <input
              required={tuned}
              spellCheck={false}
              placeholder={tuned ? "" : `${model.id}-${to}`}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          </label>
        )}
        {problem !== null && (
          <Problem className="form-problem" text={problem} />
        )}
        <div className="dialog-buttons">
          <button type="submit" className="button button-primary" disabled={busy}>
            {quantize ? t("Quantise") : t("Export")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

type Choice = [value: string, label: string, about: string];

function packedFormats(model: LibraryModel): Choice[] {
  const memory = (name: string) =>
    t("about {size} of memory", { size: formatBytes(model.memory[name] ?? 0) });
  return [
    ["int4", "int4", `${t("Smallest; costs a little quality.")} ${memory("int4")}.`],
    ["int8", "int8", `${t("Half of 16 bits; as good as the original.")} ${memory("int8")}.`],
  ];
}

function exportFormats(model: LibraryModel): Choice[] {
  const folder =
    model.kind === "adapter"
      ? t("Merged into its base, as Hugging Face's tools read it; in the home's exports folder.")
      : t("As Hugging Face's tools read it; in the home's exports folder.");
  return [
    ["q8_0", "GGUF, 8 bit", t("For llama.cpp and Ollama; as good as the original.")],
    ["q4_0", "GGUF, 4 bit", t("For llama.cpp and Ollama; smallest.")],
    ["f16", "GGUF, 16 bit", t("For llama.cpp; nothing is rounded that matters.")],
    ["folder", t("Folder"), folder],
  ];
}
