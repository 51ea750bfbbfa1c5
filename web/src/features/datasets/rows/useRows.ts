import { useEffect, useState } from "react";

import {
  type ChangedRow,
  type KeptRow,
  type RejectedRow,
  type RowPage,
  type Which,
  listRows,
} from "../../../api/datasets";
import { messageOf } from "../store";

export type AnyRow = KeptRow | RejectedRow | ChangedRow;

export interface RowsFilter {
  which: Which;
  query: string;
  error: string;
}

const TYPING_MS = 250;

interface Seen {
  page: RowPage<AnyRow> | null;
  failed: string | null;
  loading: boolean;
}

const NOTHING: Seen = { page: null, failed: null, loading: true };

/** A page of rows, and the ways to the next and back. Asks when one has stopped typing. */
export function useRows(name: string, { which, query, error }: RowsFilter) {
  /** Where the pages up to this one begin. */
  const [starts, setStarts] = useState([0]);
  const [seen, setSeen] = useState(NOTHING);
  const filter = `${which}\n${query}\n${error}`;
  const [shown, setShown] = useState(filter);
  if (shown !== filter) {
    setShown(filter);
    setStarts([0]);
    // Rows of another kind would be drawn wrongly until the new ones come.
    setSeen(shown.split("\n")[0] === which ? { ...seen, loading: true } : NOTHING);
  }
  const after = starts.at(-1) ?? 0;
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(
      () => {
        listRows<AnyRow>(name, { which, after, query, error, signal: stop.signal }).then(
          (page) => {
            // The server looks through a part at a time; where it found nothing, there may be more.
            const goesOn = page.data.length === 0 && page.next !== null;
            setSeen({ page, failed: null, loading: goesOn });
            if (goesOn) setStarts((all) => [...all.slice(0, -1), page.next ?? 0]);
          },
          (problem: unknown) => {
            if (stop.signal.aborted) return;
            setSeen({ page: null, failed: messageOf(problem), loading: false });
          },
        );
      },
      query === "" ? 0 : TYPING_MS,
    );
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [name, which, query, error, after]);

  const next = seen.page?.next ?? null;
  return {
    ...seen,
    pageNumber: starts.length,
    next: next === null ? null : () => setStarts([...starts, next]),
    back: starts.length === 1 ? null : () => setStarts(starts.slice(0, -1)),
  };
}
