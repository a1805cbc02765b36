import { RateLimit } from "../limits/rate-limit.ts";
import { bounds } from "./bounds.ts";

/** Passwords that turned out to be wrong, counted for each address and for each auth name. */
export class Guesses {
  readonly #ofAddress: RateLimit;
  readonly #ofName: RateLimit;
  /** Who has to wait, of each address, in their order. */
  readonly #waiting = new Map<string, Set<() => boolean>>();

  constructor(now: () => number = Date.now) {
    this.#ofAddress = new RateLimit(bounds.guessesOfAddress, bounds.addressGuessEveryMs, now);
    this.#ofName = new RateLimit(bounds.guessesOfName, bounds.nameGuessEveryMs, now);
  }

  /** Counts one, before it is known whether it is right; returns 0, or the milliseconds that it has to wait. */
  take(address: string, name: string): number {
    const wait = Math.max(this.#ofAddress.wait(address), this.#ofName.wait(name));
    if (wait > 0) return wait;
    this.#ofAddress.take(address);
    this.#ofName.take(name);
    return 0;
  }

  /** It was right, or the switch didn't look at it. */
  giveBack(address: string, name: string): void {
    this.#ofAddress.giveBack(address);
    this.#ofName.giveBack(name);
    for (const go of [...this.#waiting.get(address) ?? []]) if (go()) return;
  }

  /**
   * Asks whoever has to wait, as soon as another one of the address turned out to be right: an office signs in at the pace of its switch.
   *
   * @param go tries again, and returns whether a guess was taken by it
   */
  wait(address: string, go: () => boolean): void {
    const waiting = this.#waiting.get(address) ?? new Set();
    this.#waiting.set(address, waiting.add(go));
  }

  /** It waits no more. */
  leave(address: string, go: () => boolean): void {
    const waiting = this.#waiting.get(address);
    if (waiting?.delete(go) && waiting.size === 0) this.#waiting.delete(address);
  }
}
