import { type FormEvent, useState } from "react";

import { type Needs, getNeeds } from "../../api/library";
import { errorText } from "../../ui/errorText";
import { formatNumber, t } from "../../ui/i18n";
import { Dialog } from "../../ui/Dialog";
import { Problem } from "../../ui/Problem";
import { formatBytes } from "../../ui/units";
import { begin } from "./store";
import { inUnits } from "./tree";

/** Name a model, see what it would take, and only then fetch it. */
export function PullDialog({ hub, onClose }: { hub: string; onClose: () => void }) {
  const [name, setName] = useState("");
  const [needs, setNeeds] = useState<Needs | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const run = async (work: () => Promise<void>) => {
    setBusy(true);
    setProblem(null);
    try {
      await work();
    } catch (error) {
      setProblem(errorText(error));
    } finally {
      setBusy(false);
    }
  };
  const look = (event: FormEvent) => {
    event.preventDefault();
    void run(async () => setNeeds(await getNeeds(name.trim())));
  };
  const pull = () =>
    void run(async () => {
      await begin({ kind: "pull", model: name.trim() });
      onClose();
    });

  return (
    <Dialog title={t("Get a model")} onClose={onClose}>
      <form onSubmit={look}>
        <label className="field">
          <span>{t("Name on the hub")}</span>
          <input
            required
            autoFocus
            spellCheck={false}
            placeholder="HuggingFaceTB/SmolLM2-135M-Instruct"
            value={name}
            onChange={(event) => {
              setName(event.target.value);
              setNeeds(null);
            }}
          />
        </label>
        <p className="hint">{t("Asks {hub}, which the server's settings name.", { hub })}</p>
        {problem !== null && (
          <Problem className="form-problem" text={problem} />
        )}
        {needs !== null && <NeedsTable needs={needs} />}
        <div className="dialog-buttons">
          {needs === null ? (
            <button type="submit" className="button button-primary" disabled={busy || !name.trim()}>
              {busy ? t("Looking…") : t("See what it needs")}
            </button>
          ) : (
            <button
              type="button"
              className="button button-primary"
              disabled={busy || needs.installed || tooLarge(needs)}
              onClick={pull}
            >
              {t("Download {size}", { size: formatBytes(needs.bytes - needs.bytes_here) })}
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
}

const tooLarge = ({ bytes, bytes_here, free }: Needs) => bytes - bytes_here > free;

function NeedsTable({ needs }: { needs: Needs }) {
  const [count, unit] = inUnits(needs.parameters);
  const formats = Object.entries(needs.memory).toSorted(([, a], [, b]) => a - b);
  return (
    <div role="status">
      <dl className="model-figures">
        <div>
          <dt>{t("Disk")}</dt>
          <dd>{formatBytes(needs.bytes)}</dd>
        </div>
        <div>
          <dt>{t("Free")}</dt>
          <dd>{formatBytes(needs.free)}</dd>
        </div>
        <div>
          <dt>{t("Parameters")}</dt>
          <dd>{t("about {n}", { n: `${formatNumber(count, { maximumSignificantDigits: 3 })} ${unit}` })}</dd>
        </div>
      </dl>
      <p className="model-memory">
        <span>{t("Memory for its weights")}</span>
        {formats.map(([name, bytes]) => (
          <span key={name} className="memory">
            <b>{formatBytes(bytes)}</b> {name}
          </span>
        ))}
      </p>
      {needs.bytes_here > 0 && !needs.installed && (
        <p>{t("{size} of it are here already.", { size: formatBytes(needs.bytes_here) })}</p>
      )}
      {needs.installed && <p>{t("It is installed, and up to date.")}</p>}
      {tooLarge(needs) && <p className="form-problem">{t("It does not fit on the disk.")}</p>}
    </div>
  );
}
