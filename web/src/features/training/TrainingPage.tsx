import { useEffect, useState } from "react";

import { ComparePage } from "./compare/ComparePage";
import { JobPage } from "./job/JobPage";
import { JobsPage } from "./JobsPage";
import { loadFileNames } from "./names";
import { StartPage } from "./start/StartPage";
import { useSearch } from "./useSearch";

const NEW = "/app/training/new";

/** Runs, one run, several beside each other, or a new one: told by the address. */
export default function TrainingPage({ id }: { id: string | null }) {
  const search = useSearch();
  const [round, setRound] = useState(0);
  const data = search.get("data");
  const wantsNew = id === "new" || (id === null && data !== null);
  useEffect(() => void loadFileNames(), []);
  useEffect(() => {
    if (id === null && data !== null) {
      history.replaceState(null, "", `${NEW}?data=${encodeURIComponent(data)}`);
      dispatchEvent(new PopStateEvent("popstate"));
    }
  }, [id, data]);
  if (wantsNew) return <StartPage data={data} from={search.get("from")} />;
  if (id === "compare") return <ComparePage ids={(search.get("jobs") ?? "").split(",")} />;
  if (id !== null) {
    // A run that is taken up again is followed from its beginning.
    const again = () => setRound(round + 1);
    return <JobPage key={`${id}/${round}`} id={id} onAgain={again} />;
  }
  return <JobsPage />;
}
