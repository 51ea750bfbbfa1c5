import { Plus } from "lucide-react";
import { useEffect, useState } from "react";

import { onReturn } from "../../api/connection";
import { t } from "../../ui/i18n";
import { PageFrame, Section } from "../../ui/PageFrame";
import { Problem } from "../../ui/Problem";
import { ProviderDialog } from "./ProviderDialog";
import { ProviderRow } from "./ProviderRow";
import { loadProviders, useProviders } from "./store";

/** Other services whose models can answer here, and the keys to them. */
export default function ProvidersPage() {
  const { providers, problem } = useProviders();
  const [adding, setAdding] = useState(false);
  useEffect(() => {
    const load = () => void loadProviders();
    load();
    return onReturn(load);
  }, []);
  return (
    <PageFrame
      title={t("Providers")}
      about={t("Other services whose models can answer here. What you write to them leaves this machine.")}
      actions={
        <button type="button" className="button button-primary" onClick={() => setAdding(true)}>
          <Plus size={16} aria-hidden /> {t("Add a provider")}
        </button>
      }
    >
      {problem !== null && (
        <Problem className="notice notice-error" text={problem} />
      )}
      {providers !== null && (
        <Section
          title={t("Services")}
          about={t("Keys stay on this machine, readable by you alone, and are never shown again.")}
        >
          {providers.length === 0 && <p>{t("None yet: everything is answered on this machine.")}</p>}
          <ul className="provider-list">
            {providers.map((provider) => (
              <li key={provider.name}>
                <ProviderRow provider={provider} />
              </li>
            ))}
          </ul>
        </Section>
      )}
      {adding && <ProviderDialog provider={null} onClose={() => setAdding(false)} />}
    </PageFrame>
  );
}
