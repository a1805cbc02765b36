/** Keys remembered at once; the ones nearest to being forgiven are dropped first. */
const mostKeys = 10_000;

/**
 * A leaky bucket for each key: `burst` attempts at once, then one every `everyMs`.
 */
export class RateLimit {
  readonly #burst: number;
  readonly #everyMs: number;
  readonly #now: () => number;
  /** When a key's bucket is empty again. */
  readonly #emptyAt = new Map<string, number>();

  constructor(burst: number, everyMs: number, now: () => number = Date.now) {
    this.#burst = burst;
    this.#everyMs = everyMs;
    this.#now = now;
  }

  /** Milliseconds until the next attempt may be made; counts none. */
  wait(key: string): number {
    const now = this.#now();
    return Math.max(0, Math.ceil(Math.max(now, this.#emptyAt.get(key) ?? 0) - now - (this.#burst - 1) * this.#everyMs));
  }

  /** Counts an attempt; returns 0 when it may go on, or the milliseconds to wait. */
  take(key: string): number {
    const wait = this.wait(key);
    if (wait > 0) return wait;
    const now = this.#now();
    const emptyAt = Math.max(now, this.#emptyAt.get(key) ?? 0);
    this.#emptyAt.delete(key);
    this.#emptyAt.set(key, emptyAt + this.#everyMs);
    if (this.#emptyAt.size > mostKeys) this.#sweep(now);
    return 0;
  }

  /** An attempt that turned out to be rightful doesn't count. */
  giveBack(key: string): void {
    const emptyAt = this.#emptyAt.get(key);
    if (emptyAt !== undefined) this.#emptyAt.set(key, emptyAt - this.#everyMs);
  }

  /** Nor do the ones before it. */
  forgive(key: string): void {
    this.#emptyAt.delete(key);
  }

  #sweep(now: number): void {
    for (const [key, emptyAt] of this.#emptyAt) {
      if (emptyAt <= now || this.#emptyAt.size > mostKeys) this.#emptyAt.delete(key);
    }
  }
}
