/** Follows running answers into their chats, whichever chat is on the screen. */

import { ApiError } from "../../api/http";
import { type TurnListener, followTurn } from "../../api/turns";
import { errorText } from "../../ui/errorText";
import { t } from "../../ui/i18n";
import { FrameBatch } from "./frames";
import { isLocalId } from "./message";
import { SpeedClock } from "./speed";
import { type Thread, appended, ended, failed, find, stepped, weighed } from "./thread";
import { TokenBatch } from "./tokens";

/** Answers that are followed at once. Each holds a connection, browsers open six to a server, and
 * without a free one nothing could be stopped, allowed or opened any more. */
export const MOST_FOLLOWED = 4;

interface Notices {
  /** The chat on the screen, which is followed before others. */
  shown: () => string;
  onEnd: (key: string) => void;
  /** There is a place for a chat that waited: ask the store how far it has come. */
  onFree: (key: string) => Promise<void>;
  /** The turn cannot be followed any more: ask the store what became of it. */
  onLost: (key: string) => Promise<void>;
}

export class Watchers {
  /** By chat, then by message: two answers may be written side by side. */
  private readonly active = new Map<string, Map<string, AbortController>>();
  /** Chats whose answers are not followed for want of a place. */
  private readonly waiting = new Set<string>();
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
    this.waiting.delete(key);
    this.abandon(key);
    this.callNext();
  }

  watch(key: string, conversationId: string, messageId: string, turnId: string): void {
    if (this.lost.has(turnId)) {
      const message = t("The rest of this answer could not be found.");
      this.update(key, (thread) => failed(thread, messageId, { message }));
      return;
    }
    if (!this.active.get(key)?.has(messageId) && !this.madeRoom(key)) {
      this.abandon(key); // with one of two answers it would pass for one that is followed
      this.waiting.add(key);
      return;
    }
    this.waiting.delete(key);
    const followed = this.active.get(key) ?? new Map<string, AbortController>();
    this.active.set(key, followed);
    followed.get(messageId)?.abort();
    const controller = new AbortController();
    followed.set(messageId, controller);
    void this.follow(key, conversationId, messageId, turnId, controller);
  }

  private async follow(
    key: string,
    conversationId: string,
    messageId: string,
    turnId: string,
    controller: AbortController,
  ): Promise<void> {
    const before = find(this.get(key), messageId);
    const seen = codePoints(before?.content ?? "");
    const clock = new SpeedClock();
    const batch = new FrameBatch((text) =>
      this.update(key, (thread) => appended(thread, messageId, text)),
    );
    const listener: TurnListener = {
      onText: (text) => {
        clock.heard(text);
        batch.add(text);
      },
      onStep: (number, step) => {
        batch.flush(); // what was said before the call comes before it
        this.update(key, (thread) => stepped(thread, messageId, number, step));
      },
      onTokens: (number, tokens) => weights.add(number, tokens),
    };
    const weights = new TokenBatch((number, tokens) =>
      this.update(key, (thread) => weighed(thread, messageId, number, tokens)),
    );
    try {
      const ending = await followTurn(conversationId, turnId, seen, listener, controller.signal);
      batch.flush();
      weights.flush();
      this.release(key, messageId, controller);
      const written = find(this.get(key), messageId);
      const whole = seen === 0 && ending.type === "done" && written?.steps.length === 0;
      const asked = before && isLocalId(before.id) && seen === 0 ? before.createdAt : null;
      const pace = {
        speed: whole ? clock.tokensPerSecond(ending.usage) : null,
        firstWord:
          asked === null || clock.firstHeard === null
            ? (written?.firstWord ?? null)
            : Math.max(0, clock.firstHeard - asked),
      };
      this.update(key, (thread) => ended(thread, messageId, ending, pace));
      this.notices.onEnd(key);
    } catch (error) {
      if (controller.signal.aborted) {
        // Another follower begins behind what is on the page, and is told the rest itself.
        batch.drop();
        return;
      }
      batch.flush();
      this.release(key, messageId, controller);
      if (error instanceof ApiError && error.status === 404) {
        this.lost.add(turnId);
        await this.notices.onLost(key);
      } else {
        const message = errorText(error);
        this.update(key, (thread) => failed(thread, messageId, { message }));
      }
    }
  }

  private release(key: string, messageId: string, controller: AbortController): void {
    const followed = this.active.get(key);
    if (followed?.get(messageId) === controller) followed.delete(messageId);
    if (followed?.size === 0) this.active.delete(key);
    this.callNext();
  }

  private abandon(key: string): void {
    for (const controller of this.active.get(key)?.values() ?? []) controller.abort();
    this.active.delete(key);
  }

  private full(): boolean {
    let count = 0;
    for (const followed of this.active.values()) count += followed.size;
    return count >= MOST_FOLLOWED;
  }

  /** For the chat on the screen, another one waits. */
  private madeRoom(key: string): boolean {
    const others = [...this.active.keys()].filter((other) => other !== key);
    while (this.full()) {
      const oldest = others.shift();
      if (oldest === undefined || key !== this.notices.shown()) return false;
      this.abandon(oldest);
      this.waiting.add(oldest);
    }
    return true;
  }

  private callNext(): void {
    const [next] = this.waiting;
    if (next === undefined || this.full()) return;
    this.waiting.delete(next);
    const seenTo = () => this.waiting.has(next) || this.callNext();
    void this.notices.onFree(next).then(seenTo);
  }
}

export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
