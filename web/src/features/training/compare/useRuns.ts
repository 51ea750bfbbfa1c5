import { useEffect, useState } from "react";

import { pause } from "../../../api/pause";
import { type Job, getJob, isFinished, listEvents } from "../../../api/training";
import { errorText } from "../../../ui/errorText";
import { type Curves, NO_CURVES, withEvents } from "../curves";

export interface Run {
  job: Job;
  curves: Curves;
}

const LOOK_MS = 5_000;

/** Whole runs, looked at again while one of them is at work. A browser holds only six connections
 * to one server, so these are asked for rather than followed. */
export function useRuns(ids: string[]): { runs: Run[]; problem: string | null } {
  const [runs, setRuns] = useState<Run[]>([]);
  const [problem, setProblem] = useState<string | null>(null);
  const key = ids.join();
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const load = async (id: string): Promise<Run> => {
      const [job, events] = await Promise.all([getJob(id), listEvents(id)]);
      return { job, curves: withEvents(NO_CURVES, events) };
    };
    const run = async () => {
      for (;;) {
        let busy = true;
        try {
          const found = await Promise.all(key.split(",").filter(Boolean).map(load));
          if (signal.aborted) return;
          setRuns(found);
          setProblem(null);
          busy = found.some(({ job }) => !isFinished(job));
        } catch (error) {
          if (signal.aborted) return;
          setProblem(errorText(error));
        }
        if (!busy) return;
        await pause(LOOK_MS, signal);
      }
    };
    void run().catch(() => undefined);
    return () => controller.abort(new DOMException("The page was left.", "AbortError"));
  }, [key]);
  return { runs, problem };
}
