/**
 * Gathers pieces of text and hands them on 25 times a second, so a fast stream never floods React;
 * less often where drawing takes longer than a frame, so that the page can still be used.
 */

const HIDDEN_MS = 250;
/** Between two pieces: 25 a second look as smooth as 60, and cost less than half. */
const LEAST_MS = 40;
/** A frame that took longer than this was late: there are 60 a second. */
const LATE_MS = 25;
/** After a late frame as much time again is left to everything else. */
const SHARE = 2;

export class FrameBatch {
  private text = "";
  private cancel: (() => void) | null = null;
  private earliest = 0;

  constructor(private readonly deliver: (text: string) => void) {}

  add(text: string): void {
    this.text += text;
    this.cancel ??= nextFrame(() => this.flush(), this.earliest - performance.now());
  }

  /** Forget what is waiting. */
  drop(): void {
    this.cancel?.();
    this.cancel = null;
    this.text = "";
  }

  /** Hand on what is waiting, now. */
  flush(): void {
    this.cancel?.();
    this.cancel = null;
    const { text } = this;
    this.text = "";
    if (text === "") return;
    const began = performance.now();
    this.earliest = began + LEAST_MS;
    this.deliver(text);
    requestAnimationFrame(() => {
      const took = performance.now() - began;
      if (took > LATE_MS) this.earliest = began + SHARE * took;
    });
  }
}

/** Browsers stop drawing hidden tabs, so there the next frame is a timer. */
function nextFrame(run: () => void, waitMs: number): () => void {
  if (document.visibilityState === "hidden") {
    const timer = setTimeout(run, HIDDEN_MS);
    return () => clearTimeout(timer);
  }
  let frame = 0;
  const draw = () => {
    frame = requestAnimationFrame(run);
  };
  const timer = waitMs > 0 ? setTimeout(draw, waitMs) : undefined;
  if (timer === undefined) draw();
  return () => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
  };
}
