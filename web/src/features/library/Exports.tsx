import { Download, Trash2 } from "lucide-react";

import { type ExportedModel, deleteExport, exportAddress } from "../../api/library";
import { send } from "../../api/http";
import { readKey } from "../../api/key";
import { t } from "../../ui/i18n";
import { Section } from "../../ui/PageFrame";
import { formatBytes } from "../../ui/units";
import { complain, loadLibrary } from "./store";

/** What was exported and is still in the home's exports folder. */
export function Exports({ exports }: { exports: ExportedModel[] }) {
  return (
    <Section title={t("Exports")} about={t("In the home folder, under exports.")}>
      <ul className="export-list">
        {exports.map((one) => (
          <li key={one.name}>
            <span className="export-name">{one.name}</span>
            <span className="hint-text">{formatBytes(one.bytes)}</span>
            {one.file && <Save name={one.name} />}
            <button
              type="button"
              className="icon-button"
              aria-label={t("Delete {name}", { name: one.name })}
              onClick={() => void deleteExport(one.name).then(loadLibrary, complain)}
            >
              <Trash2 size={16} aria-hidden />
            </button>
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** A plain link, which the browser saves as it comes; with a key the page must fetch it itself. */
function Save({ name }: { name: string }) {
  return (
    <a
      className="icon-button"
      href={exportAddress(name)}
      download={name}
      aria-label={t("Save {name}", { name })}
      onClick={(event) => {
        if (readKey() === null) return;
        event.preventDefault();
        void fetchAndSave(name).catch(complain);
      }}
    >
      <Download size={16} aria-hidden />
    </a>
  );
}

async function fetchAndSave(name: string): Promise<void> {
  const blob = await (await send("GET", exportAddress(name))).blob();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
