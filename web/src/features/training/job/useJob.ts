import { useCallback, useEffect, useState } from "react";

import type { Checkpoint, Job, JobEvent } from "../../../api/training";
import { errorText } from "../../../ui/errorText";
import { type Curves, NO_CURVES, withEvents } from "../curves";
import { followJob } from "./follow";

export interface Followed {
  job: Job | null;
  curves: Curves;
  messages: JobEvent[];
  checkpoints: Checkpoint[];
  problem: string | null;
}

const NOTHING: Followed = {
  job: null,
  curves: NO_CURVES,
  messages: [],
  checkpoints: [],
  problem: null,
};
const MOST_MESSAGES = 500;

/** A job and all it tells, live for as long as the page is open. */
export function useJob(id: string): Followed & { replace: (job: Job) => void } {
  const [followed, setFollowed] = useState<Followed>(NOTHING);
  // Of one job alone: the page gives each a component of its own.
  const replace = useCallback((job: Job) => setFollowed((now) => ({ ...now, job })), []);

  useEffect(() => {
    const controller = new AbortController();
    const change = (part: Partial<Followed>) => setFollowed((now) => ({ ...now, ...part }));
    const listener = {
      onJob: (job: Job) => change({ job }),
      onCheckpoints: (checkpoints: Checkpoint[]) => change({ checkpoints }),
      onEvents: (batch: JobEvent[]) => setFollowed((now) => ({ ...now, ...heard(now, batch) })),
      onProblem: (problem: unknown) =>
        change({ problem: problem === null ? null : errorText(problem) }),
    };
    followJob(id, listener, controller.signal);
    return () => controller.abort(new DOMException("The page was left.", "AbortError"));
  }, [id]);

  return { ...followed, replace };
}

function heard({ curves, messages }: Followed, batch: JobEvent[]): Partial<Followed> {
  const words = batch.filter(({ type }) => type === "message");
  return {
    curves: withEvents(curves, batch),
    messages: words.length === 0 ? messages : [...messages, ...words].slice(-MOST_MESSAGES),
  };
}
