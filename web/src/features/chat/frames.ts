/** Gathers pieces of text and hands them on once a frame, so a fast stream never floods React. */

const HIDDEN_MS = 250;

export class FrameBatch {
  private text = "";
  private cancel: (() => void) | null = null;

  constructor(private readonly deliver: (text: string) => void) {}

  add(text: string): void {
    this.text += text;
    this.cancel ??= nextFrame(() => this.flush());
  }

  /** Hand on what is waiting, now. */
  flush(): void {
    this.cancel?.();
    this.cancel = null;
    const { text } = this;
    this.text = "";
    if (text !== "") this.deliver(text);
  }
}

/** Browsers stop drawing hidden tabs, so there the next frame is a timer. */
function nextFrame(run: () => void): () => void {
  if (document.visibilityState === "hidden") {
    const timer = setTimeout(run, HIDDEN_MS);
    return () => clearTimeout(timer);
  }
  const frame = requestAnimationFrame(run);
  return () => cancelAnimationFrame(frame);
}
