/**
 * Gathers pieces of text and hands them on once a frame, so a fast stream never floods React; less
 * often where drawing a piece takes longer than a frame, so that the page can still be used.
 */

const HIDDEN_MS = 250;
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

  /** Hand on what is waiting, now. */
  flush(): void {
    this.cancel?.();
    this.cancel = null;
    const { text } = this;
    this.text = "";
    if (text === "") return;
    const began = performance.now();
    this.deliver(text);
    requestAnimationFrame(() => {
      const took = performance.now() - began;
      this.earliest = took > LATE_MS ? began + SHARE * took : 0;
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
