/** Follows running answers into their chats: one follower a chat, whichever chat is on the screen. */

import { ApiError } from "../../api/http";
import { followTurn } from "../../api/turns";
import { errorText } from "../../ui/errorText";
import { t } from "../../ui/i18n";
import { FrameBatch } from "./frames";
import { SpeedClock } from "./speed";
import { type Thread, appended, ended, failed, find } from "./thread";

interface Notices {
  onEnd: (key: string) => void;
  /** The turn cannot be followed any more: ask the store what became of it. */
  onLost: (key: string) => Promise<void>;
}

export class Watchers {
  private readonly active = new Map<string, AbortController>();
  /** Turns the server said it does not have; asking twice would be asking for ever. */
  private readonly lost = new Set<string>();

  constructor(
    private readonly get: (key: string) => Thread,
    private readonly update: (key: string, change: (thread: Thread) => Thread) => void,
    private readonly notices: Notices,
  ) {}

  busy(key: string): boolean {
    return this.active.has(key);
  }

  stop(key: string): void {
    this.active.get(key)?.abort();
    this.active.delete(key);
  }

  watch(key: string, conversationId: string, messageId: string, turnId: string): void {
    if (this.lost.has(turnId)) {
      const message = t("The rest of this answer could not be found.");
      this.update(key, (thread) => failed(thread, messageId, { message }));
      return;
    }
    this.stop(key);
    const controller = new AbortController();
    this.active.set(key, controller);
    void this.follow(key, conversationId, messageId, turnId, controller);
  }

  private async follow(
    key: string,
    conversationId: string,
    messageId: string,
    turnId: string,
    controller: AbortController,
  ): Promise<void> {
    const seen = codePoints(find(this.get(key), messageId)?.content ?? "");
    const clock = new SpeedClock();
    const batch = new FrameBatch((text) =>
      this.update(key, (thread) => appended(thread, messageId, text)),
    );
    const onText = (text: string) => {
      clock.heard(text);
      batch.add(text);
    };
    try {
      const ending = await followTurn(conversationId, turnId, seen, onText, controller.signal);
      batch.flush();
      const speed = seen === 0 && ending.type === "done" ? clock.tokensPerSecond(ending.usage) : null;
      this.release(key, controller);
      this.update(key, (thread) => ended(thread, messageId, ending, speed));
      this.notices.onEnd(key);
    } catch (error) {
      batch.flush();
      if (controller.signal.aborted) return;
      this.release(key, controller);
      if (error instanceof ApiError && error.status === 404) {
        this.lost.add(turnId);
        await this.notices.onLost(key);
      } else {
        const message = errorText(error);
        this.update(key, (thread) => failed(thread, messageId, { message }));
      }
    }
  }

  private release(key: string, controller: AbortController): void {
    if (this.active.get(key) === controller) this.active.delete(key);
  }
}

export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
