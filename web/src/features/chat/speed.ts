import type { Usage } from "../../api/types";

/** Shorter than this, a network's hiccup weighs more than the model. */
const SHORTEST_S = 0.25;

/** How fast an answer came, as seen from here. */
export class SpeedClock {
  /** Seconds since 1970 of the first word; null before it. */
  firstHeard: number | null = null;
  private firstAt = 0;
  private lastAt = 0;
  private firstLength = 0;
  private length = 0;

  constructor(private readonly now = () => performance.now() / 1000) {}

  heard(text: string): void {
    this.lastAt = this.now();
    if (this.length === 0) {
      this.firstAt = this.lastAt;
      this.firstHeard = Date.now() / 1000;
      this.firstLength = text.length;
    }
    this.length += text.length;
  }

  /**
   * For an answer written in one go: not one that waited for tools, or went on later.
   * Null when there is too little to tell. What came at once in the first piece was written
   * before the clock started, so its share of the tokens does not count.
   */
  tokensPerSecond(usage: Usage | null): number | null {
    const seconds = this.lastAt - this.firstAt;
    if (usage === null || seconds < SHORTEST_S) return null;
    return (usage.completion_tokens * (1 - this.firstLength / this.length)) / seconds;
  }
}
