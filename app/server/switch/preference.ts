/** A slot of a switch, as far as choosing one goes. */
export interface Candidate {
  /** Which of the hosts it is on: 0 is the one that people are sent to as long as it has a switch for them. */
  rank: number;
  ready: boolean;
  draining: boolean;
  /** Milliseconds since the epoch. */
  startedAt: number;
}

/** A host whose state is of this many milliseconds' standing is taken to stay so: one that blinks doesn't move everybody twice. */
export const steadyMs = 5_000;

/**
 * Which switch people are sent to: of the first host that has one that is ready and doesn't drain, the one that started last. A host in reserve is gone to at
 * once when nothing answers on the better ones, and left again when one of them has been well for a while; where an old release drains, its successor on the same
 * host is waited for.
 */
export class Preference<T extends Candidate> {
  /** Of each host, whether it has a fit switch, and since when that is so. */
  readonly #hosts: { fit: boolean; since: number }[];

  constructor(hosts: number, now: number) {
    this.#hosts = Array.from({ length: hosts }, () => ({ fit: false, since: now }));
  }

  /**
   * @param chosen the one that people are sent to until now
   * @returns the best one now, and in how many milliseconds that may change with nothing happening
   */
  choose(all: readonly T[], chosen: T | undefined, now: number): { best: T | undefined; againMs?: number } {
    const fit = all.filter(({ ready, draining }) => ready && !draining).sort((a, b) => a.rank - b.rank || b.startedAt - a.startedAt);
    for (const [rank, host] of this.#hosts.entries()) {
      const isFit = fit.some((one) => one.rank === rank);
      if (isFit !== host.fit) this.#hosts[rank] = { fit: isFit, since: now };
    }
    // A draining one is better than none: people in a call there stay registered.
    const kept = chosen?.ready ? chosen : undefined;
    const [first] = fit;
    if (first === undefined) return { best: kept };
    const againMs = this.#untilMoved(first, kept, now);
    if (againMs <= 0) return { best: first };
    // Until then the best of its host, if it has one.
    return { best: fit.find(({ rank }) => rank === kept?.rank) ?? kept, againMs };
  }

  /** Milliseconds until people may be sent to the first host with a fit switch; none or less: now. */
  #untilMoved({ rank }: T, kept: T | undefined, now: number): number {
    const steadyIn = (host: number) => this.#hosts[host]!.since + steadyMs - now;
    if (rank === kept?.rank) return 0;
    // Back to a better host; at once when the one in reserve has only a switch that drains.
    if (kept && rank < kept.rank) return this.#hosts[kept.rank]!.fit ? steadyIn(rank) : 0;
    if (kept) return steadyIn(kept.rank);
    // One in reserve that is well for a while takes over at once; after a start it may just have answered first.
    return rank === 0 ? 0 : Math.min(steadyIn(rank), Math.max(...this.#hosts.slice(0, rank).map((_, host) => steadyIn(host))));
  }
}
