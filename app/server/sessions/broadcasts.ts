import { limits, type EventName } from "../../protocol/wire.ts";

/** An event as every session gets it: its data is made into JSON once. */
export interface Broadcast { name: EventName; data: string; at: number }

/**
 * Events that go to everybody, kept once for all sessions: what thousands of replay buffers would hold is here. They are numbered from 1; a
 * session's own numbers follow from how many of them it has had.
 */
export class Broadcasts {
  readonly #kept: Broadcast[] = [];
  #last = 0;

  /** Number of the newest. */
  get last(): number {
    return this.#last;
  }

  add(name: EventName, data: string): void {
    this.#kept[this.#last++ % limits.replayEvents] = { name, data, at: Date.now() };
  }

  /** Undefined for one that is too old. */
  get(number: number): Broadcast | undefined {
    return number > 0 && number > this.#last - limits.replayEvents && number <= this.#last ? this.#kept[(number - 1) % limits.replayEvents] : undefined;
  }
}
