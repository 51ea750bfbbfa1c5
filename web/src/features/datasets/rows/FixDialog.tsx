import { useEffect, useState } from "react";

import {
  type Dataset,
  type Judgement,
  type WholeRejectedRow,
  checkRow,
  getRejectedRow,
} from "../../../api/datasets";
import { Dialog } from "../../../ui/Dialog";
import { t } from "../../../ui/i18n";
import { say } from "../store";
import { RowEditor } from "./RowEditor";
import { keepFix, useFixes } from "./fixes";
import { parseRow } from "./turns";

/** Mend a row that was left out. The pipeline's own rules say whether it can be used now. */
export function FixDialog({
  dataset,
  number,
  onClose,
}: {
  dataset: Dataset;
  number: number;
  onClose: () => void;
}) {
  const { name } = dataset;
  const [row, setRow] = useState<WholeRejectedRow | null>(null);
  const [text, setText] = useState("");
  const [judged, setJudged] = useState<Judgement | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    const earlier = useFixes.getState().fixes.find((fix) => fix.number === number);
    getRejectedRow(name, number).then((found) => {
      setRow(found);
      setText(earlier === undefined ? found.row : JSON.stringify(earlier.row));
    }, say);
  }, [name, number]);

  const save = async () => {
    const written = parseRow(text);
    if (written === null) {
      setJudged({
        kept: false,
        error: "not_json",
        message: t("This is not a JSON object."),
        cure: t("Write one object: {example}", { example: '{"messages": [{"role": …}]}' }),
      });
      return;
    }
    setBusy(true);
    try {
      const judgement = await checkRow(name, written);
      setJudged(judgement);
      if (judgement.kept) {
        keepFix(name, { number, row: written });
        onClose();
      }
    } catch (error) {
      say(error);
    }
    setBusy(false);
  };
  const reason = judged !== null && !judged.kept ? judged : row;

  return (
    <Dialog title={t("Fix row {n}", { n: number })} onClose={onClose}>
      {row === null || reason === null ? (
        <p role="status">{t("Opening…")}</p>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void save();
          }}
        >
          <p className="error-note" role={judged === null ? undefined : "alert"}>
            <code>{reason.error}</code> <span lang="en">{reason.message}</span>{" "}
            <b lang="en">{reason.cure}</b>
          </p>
          {row.repeats !== null && (
            <p className="hint">{t("It repeats {place}.", { place: row.repeats.place })}</p>
          )}
          {!row.whole && (
            <p className="hint">
              {t("Only the beginning of this row was kept, and its source has gone.")}
            </p>
          )}
          <RowEditor text={text} readAs={dataset} onChange={setText} />
          <div className="dialog-actions">
            <button type="button" className="button" onClick={onClose}>
              {t("Cancel")}
            </button>
            <button type="submit" className="button button-primary" disabled={busy}>
              {t("Check and keep")}
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
