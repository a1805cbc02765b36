/** Whoever is asked now and then whether it is still there. */
export interface Beating { beat(): void }

/** Slices of a period: so many members are asked at a time, not all together. */
const slices = 15;

/** One timer for thousands of sockets: each member beats once a period, in turn with the others. */
export class Heartbeats {
  readonly #slices: Set<Beating>[] = Array.from({ length: slices }, () => new Set());
  readonly #stepMs: number;
  #timer: NodeJS.Timeout | undefined;
  #size = 0;
  #next = 0;
  #now = 0;

  /** @param periodMs milliseconds from one beat of a member to the next */
  constructor(periodMs: number) {
    this.#stepMs = periodMs / slices;
  }

  /** The first beat comes within a period. */
  add(member: Beating): void {
    this.#slices[this.#next]!.add(member);
    this.#next = (this.#next + 1) % slices;
    this.#size++;
    this.#timer ??= setInterval(() => this.#step(), this.#stepMs).unref();
  }

  remove(member: Beating): void {
    if (!this.#slices.some((slice) => slice.delete(member)) || --this.#size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #step(): void {
    this.#now = (this.#now + 1) % slices;
    for (const member of this.#slices[this.#now]!) member.beat();
  }
}
