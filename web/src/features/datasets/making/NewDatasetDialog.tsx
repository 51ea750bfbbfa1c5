import { type FormEvent, useEffect, useRef, useState } from "react";

import { type StoredFile, listFiles, uploadFile } from "../../../api/files";
import { prepareDataset } from "../../../api/preparations";
import { Dialog } from "../../../ui/Dialog";
import { t } from "../../../ui/i18n";
import { Problem } from "../../../ui/Problem";
import { Progress } from "../../../ui/Progress";
import { formatBytes } from "../../../ui/units";
import { messageOf, useDatasets, watch } from "../store";
import { DEFAULTS, Options, type PrepareChoices } from "./Options";
import { type Source, SourceChoice } from "./SourceChoice";
import { freeName, isName, nameOf, refusal } from "./source";

/** Choose rows, name them, send them; the page shows the rest. */
export function NewDatasetDialog({ onClose }: { onClose: () => void }) {
  const { items, maxBytes } = useDatasets();
  const [source, setSource] = useState<Source>({ kind: "file", file: null });
  const [name, setName] = useState("");
  const [choices, setChoices] = useState<PrepareChoices>(DEFAULTS);
  const [earlier, setEarlier] = useState<StoredFile[]>([]);
  const [sent, setSent] = useState<number | null>(null);
  const [failed, setFailed] = useState<string | null>(null);
  const sending = useRef(new AbortController());
  useEffect(() => {
    listFiles().then(
      ({ data }) => setEarlier(data),
      () => undefined,
    );
    const { current } = sending;
    return () => current.abort();
  }, []);

  const choose = (chosen: Source) => {
    setSource(chosen);
    setFailed(null);
    const stem = stemOf(chosen);
    const taken = new Set(items?.map((item) => item.name));
    if (stem !== null) setName(freeName(stem, taken));
  };
  const refused =
    source.kind === "file" && source.file !== null ? refusal(source.file, maxBytes) : null;
  const ready = idOf(source) !== null && refused === null && isName(name) && sent === null;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!ready) return;
    setFailed(null);
    try {
      let id = idOf(source);
      if (source.kind === "file" && source.file !== null) {
        setSent(0);
        const stored = await uploadFile(source.file, setSent, sending.current.signal);
        id = stored.id;
        // Should the preparation be refused, the file need not be sent again.
        setEarlier((files) => [stored, ...files]);
        setSource({ kind: "earlier", id: stored.id, filename: stored.filename });
      }
      setSent(null);
      void watch(await prepareDataset({ name, sources: [id ?? ""], ...choices }));
      onClose();
    } catch (error) {
      setSent(null);
      if (!sending.current.signal.aborted) {
        setFailed(messageOf(error));
      }
    }
  };

  return (
    <Dialog title={t("New dataset")} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <SourceChoice
          source={source}
          earlier={earlier}
          maxBytes={maxBytes}
          onChoose={choose}
          onForget={(id) => setEarlier((files) => files.filter((file) => file.id !== id))}
        />
        {refused !== null && (
          <p className="error-note" role="alert">
            {refused}
          </p>
        )}
        <label className="field">
          <span>{t("Name")}</span>
          <input
            value={name}
            maxLength={96}
            aria-invalid={name !== "" && !isName(name)}
            onChange={(event) => setName(event.target.value)}
          />
        </label>
        {name !== "" && !isName(name) && (
          <p className="hint">{t("Letters, digits, dots, - and _; at most 96.")}</p>
        )}
        <Options choices={choices} onChange={setChoices} />
        {sent !== null && source.kind === "file" && source.file !== null && (
          <Progress
            label={t("Sending {name}", { name: source.file.name })}
            value={sent / Math.max(source.file.size, 1)}
            note={`${formatBytes(Math.min(sent, source.file.size))} / ${formatBytes(source.file.size)}`}
          />
        )}
        {failed !== null && (
          <Problem className="error-note pre-line" text={failed} />
        )}
        <div className="dialog-actions">
          <button type="submit" className="button button-primary" disabled={!ready}>
            {t("Prepare")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** What the server knows the rows by; `""` for a file that is still to be sent. */
function idOf(source: Source): string | null {
  if (source.kind === "file") return source.file === null ? null : "";
  return source.kind === "seed" ? "seed" : source.id;
}

function stemOf(source: Source): string | null {
  if (source.kind === "file") return source.file === null ? null : nameOf(source.file.name);
  return source.kind === "seed" ? "first-conversations" : nameOf(source.filename);
}
