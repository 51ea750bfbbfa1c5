import { useEffect, useState } from "react";

import { mendDataset } from "../../../api/preparations";
import { t } from "../../../ui/i18n";
import { say, useDatasets, watch } from "../store";
import { rowsWord } from "../words";
import { type Fix, discardFixes, dropMade, markSent, useFixes } from "./fixes";

const NONE: Fix[] = [];

/** Mended rows that wait to become part of a version. */
export function PendingFixes({ name }: { name: string }) {
  const fixes = useFixes((state) => (state.name === name ? state.fixes : NONE));
  const status = useDatasets((state) => state.making?.status);
  const [busy, setBusy] = useState(false);
  // A server that is away tells nothing; they are kept, and asked about the next time.
  useEffect(() => {
    if (status !== "running") void dropMade(name).catch(() => undefined);
  }, [name, status]);
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
      const made = await mendDataset(name, fixes.map(({ row }) => row));
      markSent(name, fixes, made.id);
      void watch(made);
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
        disabled={busy || status === "running"}
        onClick={() => void make()}
      >
        {t("Make a new version")}
      </button>
      <button type="button" className="text-button" onClick={() => discardFixes(name)}>
        {t("Discard")}
      </button>
    </div>
  );
}
