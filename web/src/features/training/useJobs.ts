import { useCallback, useEffect, useRef, useState } from "react";

import { pause } from "../../api/pause";
import { type Job, isFinished, listJobs } from "../../api/training";
import { errorText } from "../../ui/errorText";

const PAGE = 20;
const MOST = 100;
const BUSY_MS = 2_500;
const IDLE_MS = 15_000;

/** The newest runs, looked at again and again: often while one is at work. */
export function useJobs() {
  const [jobs, setJobs] = useState<Job[] | null>(null);
  const [more, setMore] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [size, setSize] = useState(PAGE);
  const running = useRef(false);

  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const run = async () => {
      for (;;) {
        try {
          const { data, has_more } = await listJobs(size);
          if (signal.aborted) return;
          running.current = data.some((job) => !isFinished(job) && job.status !== "paused");
          setJobs(data);
          setMore(has_more && size < MOST);
          setProblem(null);
        } catch (error) {
          if (signal.aborted) return;
          running.current = false;
          setProblem(errorText(error));
        }
        await pause(running.current ? BUSY_MS : IDLE_MS, signal);
      }
    };
    void run().catch(() => undefined);
    return () => controller.abort(new DOMException("The page was left.", "AbortError"));
  }, [size]);

  return { jobs, problem, more, showMore: useCallback(() => setSize(MOST), []) };
}
