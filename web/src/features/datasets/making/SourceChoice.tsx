import { FileUp, Sprout, Trash2 } from "lucide-react";

import { type StoredFile, deleteFile } from "../../../api/files";
import { t } from "../../../ui/i18n";
import { formatBytes } from "../../../ui/units";
import { say } from "../store";

export type Source =
  | { kind: "file"; file: File | null }
  | { kind: "seed" }
  | { kind: "earlier"; id: string; filename: string };

interface Props {
  source: Source;
  earlier: StoredFile[];
  maxBytes: number;
  onChoose: (source: Source) => void;
  onForget: (id: string) => void;
}

/** A file from this machine, the rows that come with Mini-Claude, or something sent before. */
export function SourceChoice({ source, earlier, maxBytes, onChoose, onForget }: Props) {
  return (
    <fieldset className="sources">
      <legend>{t("Rows")}</legend>
      <FileField source={source} maxBytes={maxBytes} onChoose={onChoose} />
      <label className="source-option">
        <input
          type="radio"
          name="source"
          checked={source.kind === "seed"}
          onChange={() => onChoose({ kind: "seed" })}
        />
        <Sprout size={17} aria-hidden />
        <span>{t("The conversations that come with Mini-Claude")}</span>
      </label>
      {earlier.map((file) => (
        <div key={file.id} className="source-option">
          <label>
            <input
              type="radio"
              name="source"
              checked={source.kind === "earlier" && source.id === file.id}
              onChange={() => onChoose({ kind: "earlier", id: file.id, filename: file.filename })}
            />
            <span className="file-name">{file.filename}</span>
            <span className="hint">{t("sent before, {size}", { size: formatBytes(file.bytes) })}</span>
          </label>
          <button
            type="button"
            className="icon-button"
            aria-label={t("Remove the upload {name}", { name: file.filename })}
            onClick={() => {
              deleteFile(file.id).then(() => {
                onForget(file.id);
                if (source.kind === "earlier" && source.id === file.id) {
                  onChoose({ kind: "file", file: null });
                }
              }, say);
            }}
          >
            <Trash2 size={15} aria-hidden />
          </button>
        </div>
      ))}
    </fieldset>
  );
}

function FileField({ source, maxBytes, onChoose }: Pick<Props, "source" | "maxBytes" | "onChoose">) {
  const chosen = source.kind === "file" ? source.file : null;
  return (
    <label className="drop">
      <FileUp size={22} aria-hidden />
      <span className="file-name">
        {chosen === null ? t("Choose a file, or drop it here") : chosen.name}
      </span>
      <span className="hint">
        {chosen === null
          ? t("JSON Lines, JSON, CSV, Parquet, Arrow or plain text, up to {limit}.", {
              limit: formatBytes(maxBytes),
            })
          : formatBytes(chosen.size)}
      </span>
      {/* It lies over the label, unseen: files can be dropped on it. */}
      <input
        type="file"
        aria-label={t("File of rows")}
        onChange={(event) => {
          const file = event.target.files?.[0];
          if (file !== undefined) onChoose({ kind: "file", file });
          event.target.value = "";
        }}
      />
    </label>
  );
}
