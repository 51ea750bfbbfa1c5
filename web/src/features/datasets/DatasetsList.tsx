import { Plus } from "lucide-react";
import { useState } from "react";

import { t } from "../../ui/i18n";
import { PageFrame } from "../../ui/PageFrame";
import { Problem } from "../../ui/Problem";
import { DatasetsTable } from "./DatasetsTable";
import { Making } from "./making/Making";
import { NewDatasetDialog } from "./making/NewDatasetDialog";
import { useDatasets } from "./store";

export function DatasetsList() {
  const items = useDatasets((state) => state.items);
  const failed = useDatasets((state) => state.failed);
  const [adding, setAdding] = useState(false);
  const add = (
    <button type="button" className="button button-primary" onClick={() => setAdding(true)}>
      <Plus size={16} aria-hidden /> {t("New dataset")}
    </button>
  );
  const isEmpty = items !== null && items.length === 0;
  return (
    <PageFrame
      title={t("Data")}
      about={t("Conversations and texts that a model is taught from, checked and cleaned.")}
      actions={isEmpty ? undefined : add}
    >
      <Making />
      {failed !== null && (
        <Problem className="error-note" text={failed} />
      )}
      {items === null && failed === null && <p role="status">{t("Opening…")}</p>}
      {items !== null && items.length > 0 && <DatasetsTable items={items} />}
      {isEmpty && <Empty add={add} />}
      {adding && <NewDatasetDialog onClose={() => setAdding(false)} />}
    </PageFrame>
  );
}

function Empty({ add }: { add: React.ReactNode }) {
  return (
    <section className="card data-empty" aria-label={t("How it works")}>
      <h2>{t("No datasets yet")}</h2>
      <ol>
        <li>
          {t("Choose a file of examples, or the conversations that come with Mini-Claude.")}
        </li>
        <li>
          {t("It is read, cleaned and checked: broken, unsafe and repeated rows are left out, and personal data is masked.")}
        </li>
        <li>{t("You see what is in it, mend what was left out, and teach a model with it.")}</li>
      </ol>
      <div>{add}</div>
    </section>
  );
}
