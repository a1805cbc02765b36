/** A switch, as far as the ways between them go. */
export interface Neighbour {
  readonly ready: boolean;
  readonly coreUuid: string | undefined;
  /** Where the others send calls for its people; undefined for one that has no others. */
  readonly meshAddress: string | undefined;
  /** Whether calls from here find the one at that address. */
  knowsWayTo(meshAddress: string): Promise<boolean>;
}

/** Most milliseconds to wait for it, and between two looks. */
const mostMs = 8_000;
const lookMs = 200;

/**
 * Whether the other switches know the way to one that is new. Each finds out by itself, once a second (images/freeswitch/entrypoint.sh): whoever is registered with
 * the new one alone before that is not to be reached from the others.
 */
export class Ways {
  readonly #all: readonly Neighbour[];
  readonly #onKnown: () => void;
  /** Programs to which there are ways, or which were waited for long enough. */
  readonly #known = new Set<string>();
  /** Those that are being looked for. */
  readonly #sought = new Set<string>();
  #closed = false;

  /** @param onKnown asks again, when the answer may be another */
  constructor(all: readonly Neighbour[], onKnown: () => void) {
    this.#all = all;
    this.#onKnown = onKnown;
  }

  close(): void {
    this.#closed = true;
  }

  leadTo({ coreUuid, meshAddress }: Neighbour): boolean {
    if (coreUuid === undefined || meshAddress === undefined || this.#known.has(coreUuid)) return true;
    if (!this.#sought.has(coreUuid)) void this.#seek(coreUuid, meshAddress);
    return false;
  }

  async #seek(coreUuid: string, meshAddress: string): Promise<void> {
    this.#sought.add(coreUuid);
    for (const end = Date.now() + mostMs; !this.#closed && Date.now() < end; await new Promise((resolve) => setTimeout(resolve, lookMs))) {
      const others = this.#all.filter((one) => one.ready && one.coreUuid !== coreUuid && one.meshAddress !== undefined);
      // One that does not answer is not waited for.
      if ((await Promise.all(others.map((one) => one.knowsWayTo(meshAddress).catch(() => true)))).every(Boolean)) break;
    }
    this.#sought.delete(coreUuid);
    this.#known.add(coreUuid);
    if (!this.#closed) this.#onKnown();
  }
}
