import { useEffect } from "react";

import { onReturn } from "../../api/connection";
import { DatasetPage } from "./DatasetPage";
import { DatasetsList } from "./DatasetsList";
import { findPreparation, refreshDatasets } from "./store";

/** What models are taught from: all of it, or one dataset. */
export default function DatasetsPage({ id }: { id: string | null }) {
  useEffect(() => {
    const load = () => {
      void refreshDatasets();
      void findPreparation();
    };
    load();
    return onReturn(load);
  }, []);
  return id === null ? <DatasetsList /> : <DatasetPage key={id} name={id} />;
}
