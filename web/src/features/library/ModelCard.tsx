import {
  EllipsisVertical,
  FileOutput,
  MessageSquare,
  Minimize2,
  Star,
  Trash2,
} from "lucide-react";
import { useState } from "react";

import type { LibraryModel } from "../../api/library";
import { shortName } from "../../api/names";
import { formatNumber, t } from "../../ui/i18n";
import { navigate } from "../../ui/Link";
import { Menu, type MenuItem } from "../../ui/Menu";
import { formatBytes } from "../../ui/units";
import { ConvertDialog } from "./ConvertDialog";
import { LineageTree } from "./LineageTree";
import { RemoveDialog } from "./RemoveDialog";
import { makeDefault } from "./store";
import { inUnits } from "./tree";

type Window = "quantize" | "export" | "remove";

export function ModelCard({ model }: { model: LibraryModel }) {
  const [open, setOpen] = useState<Window | null>(null);
  const close = () => setOpen(null);
  const items: MenuItem[] = [
    {
      label: t("Chat with it"),
      Icon: MessageSquare,
      run: () => navigate(`/?model=${encodeURIComponent(model.id)}`),
    },
  ];
  if (!model.default) {
    items.push({ label: t("Make it the default"), Icon: Star, run: () => void makeDefault(model.id) });
  }
  if (model.kind === "model" && !model.packed) {
    items.push({ label: t("Quantise…"), Icon: Minimize2, run: () => setOpen("quantize") });
  }
  items.push({ label: t("Export…"), Icon: FileOutput, run: () => setOpen("export") });
  if (!model.bundled) {
    items.push({ label: t("Remove…"), Icon: Trash2, run: () => setOpen("remove"), danger: true });
  }
  return (
    <article className="model-card" aria-label={model.id}>
      <div className="model-head">
        <div className="model-name-line">
          <h3 title={model.id}>{shortName(model.id)}</h3>
          <Badges model={model} />
        </div>
        <Menu
          label={t("What to do with {name}", { name: model.id })}
          icon={<EllipsisVertical size={17} aria-hidden />}
          items={items}
          className="icon-button"
        />
      </div>
      <Facts model={model} />
      {model.lineage !== null && <LineageTree model={model} lineage={model.lineage} />}
      {(open === "quantize" || open === "export") && (
        <ConvertDialog model={model} kind={open} onClose={close} />
      )}
      {open === "remove" && <RemoveDialog model={model} onClose={close} />}
    </article>
  );
}

function Badges({ model }: { model: LibraryModel }) {
  return (
    <span className="badges">
      {model.default && <span className="badge badge-accent">{t("default")}</span>}
      {model.loaded && <span className="badge">{t("in memory")}</span>}
      {model.bundled && <span className="badge">{t("built in")}</span>}
      {model.kind === "adapter" && <span className="badge">{t("adapter")}</span>}
    </span>
  );
}

function Facts({ model }: { model: LibraryModel }) {
  const formats = ["int4", "int8", "bfloat16", "float32"].filter((name) => name in model.memory);
  const facts: [string, string][] = [[t("On disk"), formatBytes(model.bytes)]];
  if (model.parameters !== null) facts.push([t("Parameters"), parameters(model.parameters)]);
  if (model.dtype !== null) facts.push([t("Stored as"), model.dtype]);
  if (model.context > 0) {
    facts.push([t("Context"), t("{n} tokens", { n: formatNumber(model.context) })]);
  }
  return (
    <>
      <dl className="model-figures">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {formats.length > 0 && (
        <p className="model-memory">
          <span>
            {model.kind === "adapter"
              ? t("Memory, beside its base's")
              : t("Memory, with one full conversation")}
          </span>
          {formats.map((name) => (
            <span key={name} className="memory">
              <b>{formatBytes(model.memory[name] ?? 0)}</b> {name}
            </span>
          ))}
        </p>
      )}
    </>
  );
}

function parameters(count: number): string {
  const [value, unit] = inUnits(count);
  return `${formatNumber(value, { maximumSignificantDigits: 3 })} ${unit}`.trim();
}
