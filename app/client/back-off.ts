/** How long to wait before an attempt to come back: doubling, bounded, and spread so that a crowd does not come at once. */
export interface BackOff {
  /** Upper bound of the first wait, in milliseconds. */
  firstMs: number;
  /** Upper bound of every wait. */
  longestMs: number;
}

export const controlBackOff: BackOff = { firstMs: 400, longestMs: 15_000 };
/** While somebody waits in the middle of a call. */
export const hurriedBackOff: BackOff = { firstMs: 300, longestMs: 1_500 };
export const lineBackOff: BackOff = { firstMs: 400, longestMs: 8_000 };
export const registrationBackOff: BackOff = { firstMs: 1_000, longestMs: 30_000 };

/**
 * The wait before attempt number `attempt` (from 0): at random between half and all of a bound that doubles.
 * Half, so that a server that refuses is never stormed; random, so that pages that lost it together come back apart.
 */
export function waitBefore(attempt: number, { firstMs, longestMs }: BackOff, random: () => number = Math.random): number {
  const bound = Math.min(longestMs, firstMs * 2 ** Math.min(attempt, 30));
  return Math.round(bound / 2 + (bound / 2) * random());
}
