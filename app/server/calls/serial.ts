/** Waiting for one thing; more are refused. */
const mostWaiting = 20;

/** Work on the same thing, one after the other: two commands never change one call at once. */
export class Serial {
  readonly #queues = new Map<string, { tail: Promise<unknown>; length: number }>();

  /** @throws what the work throws; or Error when too much waits already */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const queue = this.#queues.get(key) ?? { tail: Promise.resolve(), length: 0 };
    if (queue.length >= mostWaiting) throw new Error("too much waits");
    this.#queues.set(key, queue);
    queue.length++;
    const result = queue.tail.then(work);
    queue.tail = result.catch(() => {});
    try {
      return await result;
    } finally {
      if (--queue.length === 0) this.#queues.delete(key);
    }
  }
}
