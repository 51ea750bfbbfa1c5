/** Following a job, for as long as somebody looks at it, whoever started it. */

import { onReturn } from "../../../api/connection";
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

const FLUSH_MS = 150;
const LOOK_MS = 5_000;
const SELDOM_MS = 15_000;

export interface Listener {
  onJob: (job: Job) => void;
  onCheckpoints: (checkpoints: Checkpoint[]) => void;
  /** Each event once, in order. */
  onEvents: (batch: JobEvent[]) => void;
  /** null when it is over. */
  onProblem: (problem: unknown) => void;
}

/** Tell all there is to a job until `signal`, also across a server that goes away or asks for a key
 * meanwhile. */
export function followJob(id: string, listener: Listener, signal: AbortSignal): void {
  let finished = false;
  /** The server said no: asking again helps only when something has changed. */
  let refused = false;
  /** The event up to which all were told, whatever broke off since. */
  let last: string | null = null;

  const told = (job: Job) => {
    finished = isFinished(job);
    if (!signal.aborted) listener.onJob(job);
  };
  const look = async () => {
    const [job, checkpoints] = await Promise.all([getJob(id), listCheckpoints(id)]);
    told(job);
    if (!signal.aborted) {
      listener.onCheckpoints(checkpoints);
      listener.onProblem(null);
    }
    return job;
  };
  const events = collector((batch) => {
    if (signal.aborted) return;
    listener.onEvents(batch);
    // Whatever changes a job is also told in words.
    if (batch.some(({ type }) => type === "message")) void look().catch(() => undefined);
  });
  const take = (event: JobEvent) => {
    last = event.id;
    events.push(event);
  };
  const run = async () => {
    await look();
    for (;;) {
      await followEvents(id, last, take, signal);
      events.flush();
      for (;;) {
        const job = await look();
        if (!isFinished(job)) break;
        if (job.status !== "failed") return;
        await pause(SELDOM_MS, signal); // it may be resumed, by a program for one
      }
    }
  };
  const follow = () => {
    run().catch((error: unknown) => {
      if (signal.aborted) return;
      listener.onProblem(error);
      refused = error instanceof ApiError && error.status < 500;
      if (!refused) pause(LOOK_MS, signal).then(follow, () => undefined);
    });
  };
  const poll = async () => {
    for (;;) {
      await pause(LOOK_MS, signal);
      // What is wrong is told on the events' own way.
      if (!finished) await getJob(id).then(told, () => undefined);
    }
  };
  const stop = onReturn(() => {
    if (!refused) return;
    refused = false;
    follow();
  });
  signal.addEventListener("abort", stop, { once: true });
  follow();
  void poll().catch(() => undefined);
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
