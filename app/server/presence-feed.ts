import type { Person } from "../protocol/wire.ts";

/** Presence goes to every socket, so its cost grows with the square of the company: so many sends a second, and so many at once before that counts. */
const sendsPerSecond = 50_000;
const sendsAtOnce = 20_000;
const stepMs = 50;

/**
 * Tells everybody of changed people: at once, as long as that is cheap. When thousands sign in within a minute, what is beyond the bound waits,
 * and of somebody who changes meanwhile the newest alone is told. Calls and messages never wait for it.
 */
export class PresenceFeed {
  readonly #tellAll: (person: Person) => void;
  readonly #sockets: () => number;
  readonly #now: () => number;
  readonly #waiting = new Map<string, Person>();
  #left = sendsAtOnce;
  #at: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(tellAll: (person: Person) => void, sockets: () => number, now: () => number = Date.now) {
    this.#tellAll = tellAll;
    this.#sockets = sockets;
    this.#now = now;
    this.#at = now();
  }

  changed(person: Person): void {
    this.#waiting.set(person.user, person);
    this.step();
  }

  removed(user: string): void {
    this.#waiting.delete(user);
  }

  /** Whether every change has been told. */
  get isIdle(): boolean {
    return this.#waiting.size === 0;
  }

  /** Tells whoever's turn it is. */
  step(): void {
    const now = this.#now();
    this.#left = Math.min(sendsAtOnce, this.#left + (now - this.#at) / 1_000 * sendsPerSecond);
    this.#at = now;
    for (const [user, person] of this.#waiting) {
      if (this.#left <= 0) break;
      this.#waiting.delete(user);
      this.#left -= this.#sockets();
      this.#tellAll(person);
    }
    clearTimeout(this.#timer);
    if (this.#waiting.size > 0) this.#timer = setTimeout(() => this.step(), stepMs);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
