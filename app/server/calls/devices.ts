/** Finds the public id of the session that has a SIP account, in whatever keeps sessions. */
export type Lookup = (account: string) => string | undefined | Promise<string | undefined>;

/** Accounts remembered; the oldest give way. */
const mostRemembered = 50_000;

/** Which device an account is: asked once, since it never changes. */
export class Devices {
  readonly #lookup: Lookup;
  readonly #known = new Map<string, string>();
  readonly #asking = new Set<string>();

  constructor(lookup: Lookup) {
    this.#lookup = lookup;
  }

  /** Undefined until it is known. */
  readonly of = (account: string): string | undefined => {
    if (account === "") return undefined;
    const known = this.#known.get(account);
    if (known === undefined) void this.learn(account);
    return known;
  };

  async learn(account: string): Promise<void> {
    if (this.#known.has(account) || this.#asking.has(account)) return;
    this.#asking.add(account);
    try {
      const device = await this.#lookup(account);
      if (device === undefined) return;
      this.#known.set(account, device);
      for (const oldest of this.#known.keys()) {
        if (this.#known.size <= mostRemembered) break;
        this.#known.delete(oldest);
      }
    } finally {
      this.#asking.delete(account);
    }
  }
}
