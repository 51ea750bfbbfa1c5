/** Changes of things, each thing's one after the other. */

interface Underway<T> {
  /** Over once all are that were sent; never fails. */
  last: Promise<void>;
  /** What the server has, as far as it has said. */
  stored: T;
}

/** On two connections the later of two changes could arrive first; and while a later one is on its
 * way, what the server says of an earlier one is no news. */
export class InTurn<T> {
  private readonly underway = new Map<string, Underway<T>>();

  /** Send a change of thing `id`, then show what is stored, unless a later one is on its way.
   * `before`: what was there before. Throws what `send` throws, shown all the same. */
  async change(
    id: string,
    before: T,
    send: () => Promise<T>,
    show: (stored: T) => void,
  ): Promise<void> {
    const entry = this.underway.get(id) ?? { last: Promise.resolve(), stored: before };
    this.underway.set(id, entry);
    const sending = entry.last.then(send).then((stored) => void (entry.stored = stored));
    const over = sending.catch(() => undefined);
    entry.last = over;
    try {
      await sending;
    } finally {
      if (entry.last === over) {
        this.underway.delete(id);
        show(entry.stored);
      }
    }
  }
}
