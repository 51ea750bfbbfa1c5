/**
 * Where code stands in Markdown: fenced blocks (also one that is still open) and code spans. In one
 * pass over the runs of backticks and tildes: a pattern that looks for the end of each span would
 * read the rest of the text once for each that has none.
 */

/** First character and the one after the last. */
export type Place = readonly [number, number];

interface Run {
  /** What it is made of. */
  mark: string;
  start: number;
  end: number;
}

export function codePlaces(markdown: string): Place[] {
  const runs = Array.from(markdown.matchAll(/`+|~{3,}/g), ({ 0: text, index }): Run => ({
    mark: text.charAt(0),
    start: index,
    end: index + text.length,
  }));
  const closing = closingRuns(runs);
  const places: Place[] = [];
  for (let number = 0; number < runs.length; number += 1) {
    const run = runs[number];
    if (run === undefined) break;
    const line = fenceStart(markdown, run);
    if (line !== null) {
      const opening = run;
      do number += 1;
      while (number < runs.length && !closes(markdown, runs[number], opening));
      places.push([line, runs[number]?.end ?? markdown.length]);
      continue;
    }
    const last = closing[number];
    const end = last === undefined ? undefined : runs[last]?.end;
    if (last === undefined || end === undefined) continue;
    places.push([run.start, end]);
    number = last;
  }
  return places;
}

/** For each run of backticks the next one of the same length: a span ends with as many as it began
 * with. */
function closingRuns(runs: readonly Run[]): (number | undefined)[] {
  const next = new Map<number, number>();
  const closing: (number | undefined)[] = [];
  for (let number = runs.length - 1; number >= 0; number -= 1) {
    const run = runs[number];
    if (run?.mark !== "`") continue;
    const length = run.end - run.start;
    closing[number] = next.get(length);
    next.set(length, number);
  }
  return closing;
}

/** Where the line of a run begins, if it could open or close a block there; else null. */
function fenceStart(markdown: string, { start, end }: Run): number | null {
  if (end - start < 3) return null;
  let at = start;
  while (at > 0 && start - at < 3 && markdown[at - 1] === " ") at -= 1;
  return at === 0 || markdown[at - 1] === "\n" ? at : null;
}

function closes(markdown: string, run: Run | undefined, opening: Run): boolean {
  if (run?.mark !== opening.mark || run.end - run.start < opening.end - opening.start) return false;
  if (fenceStart(markdown, run) === null) return false;
  let at = run.end;
  while (markdown[at] === " " || markdown[at] === "\t") at += 1;
  return at === markdown.length || markdown[at] === "\n";
}
