import { useState } from "react";

import { type Provider, type ProviderTest, deleteProvider, testProvider } from "../../api/providers";
import { errorText } from "../../ui/errorText";
import { formatNumber, t } from "../../ui/i18n";
import { Problem } from "../../ui/Problem";
import { showError } from "../../ui/toast";
import { ProviderDialog } from "./ProviderDialog";
import { loadProviders } from "./store";

const SHOWN = 12;

export function ProviderRow({ provider }: { provider: Provider }) {
  const [window, setWindow] = useState<"change" | "remove" | null>(null);
  const [testing, setTesting] = useState(false);
  const [result, setResult] = useState<ProviderTest | null>(null);
  const { name } = provider;

  const test = async () => {
    setTesting(true);
    setResult(null);
    try {
      setResult(await testProvider(name));
    } catch (error) {
      const problem = errorText(error);
      setResult({ ok: false, problem, models: [], count: 0 });
    } finally {
      setTesting(false);
    }
  };
  const remove = async () => {
    setWindow(null);
    try {
      await deleteProvider(name);
      await loadProviders();
    } catch (error) {
      showError(error);
    }
  };

  return (
    <article className="provider" aria-label={name}>
      <div className="provider-head">
        <div>
          <h3>{name}</h3>
          <p className="provider-about">
            {[
              provider.kind === "anthropic" ? "Anthropic" : t("OpenAI-compatible"),
              provider.base_url,
              provider.key_set ? t("key set") : t("no key"),
              provider.fixed && t("from config.toml or the environment"),
            ]
              .filter(Boolean)
              .join(" · ")}
          </p>
        </div>
        <div className="provider-buttons">
          <button
            type="button"
            className="button button-small"
            disabled={testing}
            aria-label={t("Test {name}", { name })}
            onClick={() => void test()}
          >
            {testing ? t("Testing…") : t("Test")}
          </button>
          {!provider.fixed && (
            <>
              <button
                type="button"
                className="button button-small"
                aria-label={t("Change {name}", { name })}
                onClick={() => setWindow("change")}
              >
                {t("Change")}
              </button>
              <button
                type="button"
                className="button button-small"
                aria-label={t("Remove {name}", { name })}
                onClick={() => setWindow("remove")}
              >
                {t("Remove")}
              </button>
            </>
          )}
        </div>
      </div>
      {window === "remove" && (
        <p className="provider-sure" role="alert">
          <span>{t("Its key is forgotten too.")}</span>
          <button
            type="button"
            className="button button-small button-danger"
            onClick={() => void remove()}
          >
            {t("Remove for good")}
          </button>
          <button type="button" className="button button-small" onClick={() => setWindow(null)}>
            {t("Keep it")}
          </button>
        </p>
      )}
      {result !== null && <Result name={name} result={result} />}
      {window === "change" && (
        <ProviderDialog
          provider={provider}
          onClose={() => setWindow(null)}
          onSaved={() => setResult(null)}
        />
      )}
    </article>
  );
}

function Result({ name, result }: { name: string; result: ProviderTest }) {
  if (!result.ok) {
    return (
      <Problem className="form-problem" text={result.problem ?? ""} />
    );
  }
  const rest = result.count - SHOWN;
  return (
    <div role="status">
      <p>{t("It answers: {n} models.", { n: formatNumber(result.count) })}</p>
      <ul className="provider-models" aria-label={t("Models of {name}", { name })}>
        {result.models.slice(0, SHOWN).map((model) => (
          <li key={model}>
            {name}/{model}
          </li>
        ))}
        {rest > 0 && <li>{t("and {n} more", { n: formatNumber(rest) })}</li>}
      </ul>
    </div>
  );
}
