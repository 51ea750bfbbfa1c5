import { useCallback, useEffect, useState } from "react";

import { ApiError } from "../../../api/http";
import { pause } from "../../../api/pause";
import {
  type Checkpoint,
  type Job,
  type JobEvent,
  followEvents,
  getJob,
  isFinished,
  listCheckpoints,
} from "../../../api/training";
import { errorText } from "../../../ui/errorText";
import { type Curves, NO_CURVES, withEvents } from "../curves";

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
const FLUSH_MS = 150;
const LOOK_MS = 5_000;
const SELDOM_MS = 15_000;
const MOST_MESSAGES = 500;

/** A job and all it tells, live for as long as the page is open, whoever started it. */
export function useJob(id: string): Followed & { replace: (job: Job) => void } {
  const [followed, setFollowed] = useState<Followed>(NOTHING);
  // Of one job alone: the page gives each a component of its own.
  const replace = useCallback((job: Job) => setFollowed((now) => ({ ...now, job })), []);

  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    let finished = false;
    const change = (part: Partial<Followed>) => {
      if (part.job) finished = isFinished(part.job);
      if (!signal.aborted) setFollowed((now) => ({ ...now, ...part }));
    };
    const look = async () => {
      const [job, checkpoints] = await Promise.all([getJob(id), listCheckpoints(id)]);
      change({ job, checkpoints, problem: null });
      return job;
    };
    const events = collector((batch) => {
      if (signal.aborted) return;
      setFollowed((now) => ({ ...now, ...heard(now, batch) }));
      // Whatever changes a job is also told in words.
      if (batch.some(({ type }) => type === "message")) void look().catch(() => undefined);
    });
    const run = async () => {
      let last: string | null = null;
      for (;;) {
        last = await followEvents(id, last, events.push, signal);
        events.flush();
        for (;;) {
          const job = await look();
          if (!isFinished(job)) break;
          if (job.status !== "failed") return;
          await pause(SELDOM_MS, signal); // it may be resumed, by a program for one
        }
      }
    };
    const poll = async () => {
      for (;;) {
        await pause(LOOK_MS, signal);
        if (finished) continue;
        await getJob(id).then(
          (job) => change({ job }),
          () => undefined, // the events' own way tells what is wrong
        );
      }
    };
    const failed = (error: unknown) => {
      if (signal.aborted) return;
      change({ problem: errorText(error) });
      if (!(error instanceof ApiError) || error.status >= 500) {
        void pause(LOOK_MS, signal).then(run).catch(failed);
      }
    };
    void look().then(run).catch(failed);
    void poll().catch(() => undefined);
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

/** Events come one by one, hundreds at first; the page is drawn for many together. */
function collector(onBatch: (batch: JobEvent[]) => void) {
  let waiting: JobEvent[] = [];
  let timer: ReturnType<typeof setTimeout> | null = null;
  const flush = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const batch = waiting;
    waiting = [];
    if (batch.length > 0) onBatch(batch);
  };
  return {
    push: (event: JobEvent) => {
      waiting.push(event);
      timer ??= setTimeout(flush, FLUSH_MS);
    },
    flush,
  };
}
