import { type FormEvent, useState } from "react";

import {
  type Provider,
  type ProviderKind,
  type Vision,
  listProviders,
  putProvider,
} from "../../api/providers";
import { errorText } from "../../ui/errorText";
import { t } from "../../ui/i18n";
import { Dialog } from "../../ui/Dialog";
import { Problem } from "../../ui/Problem";
import { change } from "./change";
import { SightField } from "./SightField";
import { loadProviders } from "./store";

/** Add a service, or change one. The key is typed and sent; it is never shown. */
export function ProviderDialog({
  provider,
  onClose,
  onSaved,
}: {
  provider: Provider | null;
  onClose: () => void;
  onSaved?: () => void;
}) {
  const [kind, setKind] = useState<ProviderKind>(
    provider?.kind === "anthropic" || provider === null ? "anthropic" : "openai",
  );
  const [name, setName] = useState(provider?.name ?? "");
  const [url, setUrl] = useState(provider?.base_url ?? "");
  const [key, setKey] = useState("");
  const [forget, setForget] = useState(false);
  const [vision, setVision] = useState<Vision>(provider?.vision ?? null);
  const [problem, setProblem] = useState<string | null>(null);
  const [taken, setTaken] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const wanted = name.trim() || kind;
    setBusy(true);
    setTaken(null);
    setProblem(null);
    try {
      // What is saved under a name replaces what had it, with its key; another tab may have added it.
      if (provider === null && (await listProviders()).some((one) => one.name === wanted)) {
        setTaken(wanted);
        setBusy(false);
        return;
      }
      await putProvider(wanted, change({ kind, url, key, forget, vision }));
      await loadProviders();
      onSaved?.();
      onClose();
    } catch (error) {
      setProblem(errorText(error));
      setBusy(false);
    }
  };

  return (
    <Dialog
      title={provider === null ? t("Add a provider") : t("Change {name}", { name: provider.name })}
      onClose={onClose}
    >
      <form onSubmit={(event) => void submit(event)}>
        <label className="field">
          <span>{t("Kind")}</span>
          <select value={kind} onChange={(event) => setKind(event.target.value as ProviderKind)}>
            <option value="anthropic">Anthropic</option>
            <option value="openai">{t("OpenAI-compatible")}</option>
          </select>
        </label>
        <label className="field">
          <span>{t("Name")}</span>
          <input
            disabled={provider !== null}
            spellCheck={false}
            pattern="[a-z][a-z0-9_\-]{0,31}"
            title={t("Small letters, digits, _ and -, a letter first.")}
            placeholder={kind}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
          <span className="hint-text">
            {t("Its models are called {name}/…", { name: name.trim() || kind })}
          </span>
        </label>
        <label className="field">
          <span>{t("Address")}</span>
          <input
            type="url"
            spellCheck={false}
            placeholder={
              kind === "anthropic" ? "https://api.anthropic.com" : "https://api.openai.com/v1"
            }
            value={url}
            onChange={(event) => setUrl(event.target.value)}
          />
        </label>
        <label className="field">
          <span>{t("Key")}</span>
          <input
            type="password"
            autoComplete="off"
            disabled={forget}
            placeholder={provider?.key_set ? t("set; leave empty to keep it") : ""}
            value={key}
            onChange={(event) => setKey(event.target.value)}
          />
        </label>
        {provider?.key_set && (
          <label className="key-check">
            <input
              type="checkbox"
              checked={forget}
              onChange={(event) => setForget(event.target.checked)}
            />
            {t("Forget the stored key")}
          </label>
        )}
        <SightField stored={provider?.vision ?? null} vision={vision} onChange={setVision} />
        {taken !== null && (
          <p className="form-problem" role="alert">
            {t("There is a provider {name} already. Change that one, or choose another name.", {
              name: taken,
            })}
          </p>
        )}
        {problem !== null && (
          <Problem className="form-problem" text={problem} />
        )}
        <div className="dialog-buttons">
          <button type="submit" className="button button-primary" disabled={busy}>
            {t("Save")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
