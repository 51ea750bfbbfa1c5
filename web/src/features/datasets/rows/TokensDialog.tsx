import { useEffect, useState } from "react";

import { type TokenPart, getTokens } from "../../../api/datasets";
import { type LibraryModel, getLibrary } from "../../../api/library";
import { Dialog } from "../../../ui/Dialog";
import { formatNumber, t } from "../../../ui/i18n";
import { Problem } from "../../../ui/Problem";
import { messageOf } from "../store";
import { roleWord } from "../words";
import { type Run, runsOf } from "./runs";

/** What training will see of a row: its tokens for a model, and which of them are learnt. */
export function TokensDialog({
  name,
  which,
  number,
  onClose,
}: {
  name: string;
  which: "train" | "validation";
  number: number;
  onClose: () => void;
}) {
  const [models, setModels] = useState<LibraryModel[]>([]);
  // Empty: the one that answers by default. Null: nobody knows yet what there is.
  const [model, setModel] = useState<string | null>(null);
  const [parts, setParts] = useState<TokenPart[] | null>(null);
  const [failed, setFailed] = useState<string | null>(null);
  useEffect(() => {
    // Those on this machine: other services' models have no tokenizer here.
    getLibrary().then(
      (library) => {
        setModels(library.models);
        setModel(library.models.some(isDefault) ? "" : (library.models[0]?.id ?? ""));
      },
      () => setModel(""),
    );
  }, []);
  useEffect(() => {
    if (model === null) return undefined;
    const stop = new AbortController();
    getTokens(name, which, number, model, stop.signal).then(
      (found) => {
        setParts(found.parts);
        setFailed(null);
      },
      (error: unknown) => {
        if (stop.signal.aborted) return;
        setParts(null);
        setFailed(messageOf(error));
      },
    );
    return () => stop.abort();
  }, [name, which, number, model]);

  return (
    <Dialog title={t("Tokens of row {n}", { n: number })} onClose={onClose}>
      <div className="tokens-body">
        <label className="field">
          <span>{t("Model")}</span>
          <select value={model ?? ""} onChange={(event) => setModel(event.target.value)}>
            {(models.length === 0 || models.some(isDefault)) && (
              <option value="">{t("The one that answers by default")}</option>
            )}
            {models.map(({ id }) => (
              <option key={id} value={id}>
                {id}
              </option>
            ))}
          </select>
        </label>
        {failed !== null && (
          <Problem className="error-note" text={failed} />
        )}
        {parts === null && failed === null && <p role="status">{t("Opening…")}</p>}
        {parts?.map((part) => (
          <Part key={part.label} part={part} />
        ))}
        <p className="hint">
          <mark className="learnt">{t("marked")}</mark> {t("is learnt")} ·{" "}
          <span className="special">{t("framed")}</span> {t("is a special token")}
        </p>
      </div>
    </Dialog>
  );
}

const isDefault = (model: LibraryModel) => model.default;

function Part({ part }: { part: TokenPart }) {
  const hidden = part.count - part.tokens.length;
  return (
    <section aria-label={roleWord(part.label)}>
      <p>
        {t("{learnt} of {count} tokens are learnt.", {
          learnt: formatNumber(part.learnt),
          count: formatNumber(part.count),
        })}
      </p>
      <p className="row-tokens" dir="auto">
        {runsOf(part.tokens).map((run) => (
          <RunOfTokens key={run.start} run={run} />
        ))}
      </p>
      {hidden > 0 && (
        <p className="hint">{t("and {n} more tokens", { n: formatNumber(hidden) })}</p>
      )}
    </section>
  );
}

function RunOfTokens({ run }: { run: Run }) {
  const tokens = run.tokens.map((token, at) => (
    <span
      // oxlint-disable-next-line react/no-array-index-key -- a token is its place in the row
      key={run.start + at}
      className={token.special ? "row-token special" : "row-token"}
      title={String(token.id)}
    >
      {token.text}
    </span>
  ));
  return run.learnt ? <mark className="learnt">{tokens}</mark> : <span>{tokens}</span>;
}
