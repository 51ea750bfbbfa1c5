import { useState } from "react";

import { mendDataset } from "../../../api/preparations";
import { t } from "../../../ui/i18n";
import { say, watch } from "../store";
import { rowsWord } from "../words";
import { dropFixes, useFixes } from "./fixes";

/** Mended rows that wait to become part of a version. */
export function PendingFixes({ name }: { name: string }) {
  const fixes = useFixes((state) => (state.name === name ? state.fixes : []));
  const [busy, setBusy] = useState(false);
  if (fixes.length === 0) {
    return (
      <p className="hint">
        {t("Fix a row and it becomes part of a new version; this one, and the file it came from, stay as they are.")}
      </p>
    );
  }
  const make = async () => {
    setBusy(true);
    try {
      void watch(await mendDataset(name, fixes.map(({ row }) => row)));
      dropFixes();
    } catch (error) {
      say(error);
    }
    setBusy(false);
  };
  return (
    <div className="pending" role="status">
      <span>{t("{rows} fixed.", { rows: rowsWord(fixes.length) })}</span>
      <button
        type="button"
        className="button button-primary button-small"
        disabled={busy}
        onClick={() => void make()}
      >
        {t("Make a new version")}
      </button>
      <button type="button" className="text-button" onClick={dropFixes}>
        {t("Discard")}
      </button>
    </div>
  );
}
