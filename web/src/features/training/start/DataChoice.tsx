import { Upload } from "lucide-react";
import { useEffect, useEffectEvent, useRef, useState } from "react";

import { onReturn } from "../../../api/connection";
import { type StoredFile, listFiles, uploadFile } from "../../../api/files";
import { type DatasetName, listDatasetNames } from "../../../api/training";
import { errorText } from "../../../ui/errorText";
import { formatNumber, t } from "../../../ui/i18n";
import { Problem } from "../../../ui/Problem";
import { Progress } from "../../../ui/Progress";
import { formatBytes } from "../../../ui/units";
import { loadFileNames } from "../names";
import { SEED } from "../words";

const KINDS = ".jsonl,.ndjson,.json,.csv,.tsv,.txt,.md,.parquet,.arrow";

/** What to learn from: prepared, uploaded before, uploaded now, or what comes with it. */
export function DataChoice({
  value,
  onChange,
}: {
  value: string;
  onChange: (data: string, task: string | undefined) => void;
}) {
  const { datasets, files, problem, reload } = useSources((found) => {
    // A dataset that the address names says only now what its rows are.
    const task = found.find(({ name }) => `dataset:${name}` === value)?.task;
    if (task !== undefined) onChange(value, task);
  });
  const choose = (data: string) =>
    onChange(data, datasets.find(({ name }) => `dataset:${name}` === data)?.task);
  const known =
    value === SEED ||
    datasets.some(({ name }) => `dataset:${name}` === value) ||
    files.some(({ id }) => id === value);
  return (
    <>
      <label className="field">
        <span>{t("Learn from")}</span>
        <select value={value} onChange={(event) => choose(event.target.value)}>
          {!known && <option value={value}>{value.replace(/^dataset:/, "")}</option>}
          <optgroup label={t("Datasets")}>
            <option value={SEED}>{t("seed (comes with Mini-Claude)")}</option>
            {datasets.map(({ name, rows }) => (
              <option key={name} value={`dataset:${name}`}>
                {t("{name} ({n} rows)", { name, n: formatNumber(rows.train) })}
              </option>
            ))}
          </optgroup>
          {files.length > 0 && (
            <optgroup label={t("Uploaded files")}>
              {files.map(({ id, filename, bytes }) => (
                <option key={id} value={id}>
                  {filename} ({formatBytes(bytes)})
                </option>
              ))}
            </optgroup>
          )}
        </select>
      </label>
      {problem !== null && <Problem className="trouble" text={problem} />}
      <UploadButton
        onDone={(file) => {
          void reload();
          onChange(file.id, undefined);
        }}
      />
    </>
  );
}

interface Sources {
  datasets: DatasetName[];
  files: StoredFile[];
  problem: string | null;
}

/** onFirst: called once, when the datasets are known. */
function useSources(onFirst: (datasets: DatasetName[]) => void) {
  const [sources, setSources] = useState<Sources>({ datasets: [], files: [], problem: null });
  const first = useEffectEvent(onFirst);
  useEffect(() => {
    let left = false;
    let known = false;
    const load = async () => {
      const found = await fetchSources();
      if (left) return;
      setSources(found);
      if (found.problem !== null || known) return;
      known = true;
      first(found.datasets);
    };
    void load();
    const stop = onReturn(() => void load());
    return () => {
      left = true;
      stop();
    };
  }, []);
  const reload = async () => setSources(await fetchSources());
  return { ...sources, reload };
}

async function fetchSources(): Promise<Sources> {
  void loadFileNames();
  try {
    const [datasets, { data: files }] = await Promise.all([listDatasetNames(), listFiles()]);
    return { datasets, files, problem: null };
  } catch (error) {
    const problem = errorText(error);
    return { datasets: [], files: [], problem };
  }
}

function UploadButton({ onDone }: { onDone: (file: StoredFile) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [sent, setSent] = useState<number | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const controller = useRef<AbortController | null>(null);
  useEffect(() => () => controller.current?.abort(), []);
  const upload = async (file: File) => {
    controller.current = new AbortController();
    setProblem(null);
    setSent(0);
    try {
      const { signal } = controller.current;
      onDone(await uploadFile(file, (bytes) => setSent(bytes / Math.max(file.size, 1)), signal));
    } catch (error) {
      if (!controller.current.signal.aborted) {
        setProblem(errorText(error));
      }
    }
    setSent(null);
  };
  return (
    <div className="upload">
      <input
        ref={input}
        type="file"
        className="visually-hidden"
        tabIndex={-1}
        accept={KINDS}
        aria-label={t("A file of rows")}
        onChange={(event) => {
          const file = event.target.files?.[0];
          event.target.value = "";
          if (file) void upload(file);
        }}
      />
      <button
        type="button"
        className="button button-small"
        disabled={sent !== null}
        onClick={() => input.current?.click()}
      >
        <Upload size={15} aria-hidden /> {t("Upload a file")}
      </button>
      <span className="hint">{t("JSON Lines, JSON, CSV, text, Parquet or Arrow.")}</span>
      {sent !== null && <Progress label={t("Uploading")} value={sent} />}
      {problem !== null && (
        <Problem className="trouble" text={problem} />
      )}
    </div>
  );
}
