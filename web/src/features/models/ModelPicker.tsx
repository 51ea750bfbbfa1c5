import { Check, ChevronDown } from "lucide-react";
import { type KeyboardEvent, useEffect, useRef } from "react";

import { shortName } from "../../api/names";
import type { Model } from "../../api/types";
import { t } from "../../ui/i18n";
import { formatBytes } from "../../ui/units";
import { usePopover } from "../../ui/usePopover";
import { formatContext, formatCount } from "./format";
import { chooseModel, currentModel, loadModels, useModels } from "./store";

/** Who owns a model that was not fetched from anyone. */
const OURS = "mini-claude";

/** Which model answers. Opening it asks the server again what there is. */
export function ModelPicker() {
  const { models, chosen, status } = useModels();
  const current = currentModel({ models, chosen });
  const { open, setOpen, close, rootRef, triggerRef } = usePopover();
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    void loadModels();
    const options = list.current;
    const selected = options?.querySelector<HTMLElement>("[aria-selected=true]");
    (selected ?? options?.querySelector<HTMLElement>("[role=option]"))?.focus();
  }, [open]);

  return (
    <div className="popover-root" ref={rootRef}>
      <button
        type="button"
        ref={triggerRef}
        className="model-button"
        aria-haspopup="listbox"
        aria-expanded={open}
        aria-label={t("Model: {name}", { name: current?.id ?? t("none") })}
        onClick={() => setOpen(!open)}
      >
        <span title={current?.id}>
          {current ? shortName(current.id) : status === "loading" ? "…" : t("No model")}
        </span>
        <ChevronDown size={15} aria-hidden />
      </button>
      {open && (
        <div className="menu model-menu" ref={list}>
          <div role="listbox" aria-label={t("Model")} tabIndex={-1} onKeyDown={walk}>
            {models.map((model) => (
              <ModelOption
                key={model.id}
                model={model}
                selected={model.id === current?.id}
                onChoose={() => {
                  chooseModel(model.id);
                  close();
                }}
              />
            ))}
          </div>
          {models.length === 0 && (
            <p className="menu-note">
              {t("There is no model yet. Get one in a terminal:")} <code>mini-claude pull</code>
            </p>
          )}
        </div>
      )}
    </div>
  );
}

function ModelOption({
  model,
  selected,
  onChoose,
}: {
  model: Model;
  selected: boolean;
  onChoose: () => void;
}) {
  const { bytes, parameters, adapter } = model.mini_claude;
  const name = shortName(model.id);
  const facts = [
    name !== model.id && model.id,
    parameters !== null && !adapter && t("{n} parameters", { n: formatCount(parameters) }),
    bytes !== null &&
      (adapter
        ? t("adapter of {size}", { size: formatBytes(bytes) })
        : formatBytes(bytes)),
    model.context > 0 && t("context of {n}", { n: formatContext(model.context) }),
    model.mini_claude.sees && t("sees pictures"),
    model.default && t("default"),
    model.owned_by !== OURS && !adapter && model.owned_by,
  ].filter(Boolean);
  return (
    <div
      role="option"
      tabIndex={-1}
      aria-selected={selected}
      className="menu-item model-option"
      onClick={onChoose}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        onChoose();
      }}
    >
      <span className="model-name">{name}</span>
      <span className="model-facts">{facts.join(" · ")}</span>
      {selected && <Check size={15} aria-hidden className="model-check" />}
    </div>
  );
}

function walk(event: KeyboardEvent<HTMLElement>) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const options = [...event.currentTarget.querySelectorAll<HTMLElement>("[role=option]")];
  const at = options.indexOf(document.activeElement as HTMLElement);
  options[(at + step + options.length) % options.length]?.focus();
}
