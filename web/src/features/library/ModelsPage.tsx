import { Download } from "lucide-react";
import { useEffect, useState } from "react";

import { onReturn } from "../../api/connection";
import { t } from "../../ui/i18n";
import { PageFrame, Section } from "../../ui/PageFrame";
import { Problem } from "../../ui/Problem";
import { formatBytes } from "../../ui/units";
import { Exports } from "./Exports";
import { ModelCard } from "./ModelCard";
import { PullDialog } from "./PullDialog";
import { TaskCard } from "./TaskCard";
import { closeLibrary, openLibrary, useLibrary } from "./store";
import { families } from "./tree";

/** The models on this machine: what each costs, where it comes from, and what can be done with it. */
export default function ModelsPage() {
  const { library, problem, task } = useLibrary();
  const [pulling, setPulling] = useState(false);
  useEffect(() => {
    const load = () => void openLibrary();
    load();
    const stop = onReturn(load);
    return () => {
      stop();
      closeLibrary();
    };
  }, []);
  const models = library?.models ?? [];
  return (
    <PageFrame
      title={t("Models")}
      about={t("What can answer on this machine, and what each costs.")}
      actions={
        <button
          type="button"
          className="button button-primary"
          disabled={library === null}
          onClick={() => setPulling(true)}
        >
          <Download size={16} aria-hidden /> {t("Get a model")}
        </button>
      }
    >
      {problem !== null && (
        <Problem className="notice notice-error" text={problem} />
      )}
      {task !== null && <TaskCard task={task} />}
      {library !== null && (
        <Section
          title={t("On this machine")}
          about={t("{size} taken, {free} free on the disk.", {
            size: formatBytes(models.reduce((sum, { bytes }) => sum + bytes, 0)),
            free: formatBytes(library.free),
          })}
        >
          {models.length === 0 && <p>{t("There is no model yet. Get one from the hub.")}</p>}
          <ul className="model-list">
            {families(models).map(({ base, name, tuned }) => (
              <li key={name} className="model-family">
                {base === null ? (
                  <p className="model-gone">
                    {t("{name} is not installed; what was tuned on it cannot answer.", { name })}
                  </p>
                ) : (
                  <ModelCard model={base} />
                )}
                {tuned.length > 0 && (
                  <ul className="model-tuned" aria-label={t("Tuned on {name}", { name })}>
                    {tuned.map((model) => (
                      <li key={model.id}>
                        <ModelCard model={model} />
                      </li>
                    ))}
                  </ul>
                )}
              </li>
            ))}
          </ul>
        </Section>
      )}
      {library !== null && library.exports.length > 0 && <Exports exports={library.exports} />}
      {pulling && library !== null && (
        <PullDialog hub={library.hub} onClose={() => setPulling(false)} />
      )}
    </PageFrame>
  );
}
