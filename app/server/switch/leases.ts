import type { RemoteSwitch } from "./remote-switch.ts";

/** Where several servers agree on which of them acts. */
export interface Leases {
  /** Takes or renews a lease; false when another holder has it. */
  takeLease(name: string, holder: string, ttlMs: number): Promise<boolean>;
}

/** For one server alone. */
export class OwnLeases implements Leases {
  readonly #held = new Map<string, { holder: string; until: number }>();

  takeLease(name: string, holder: string, ttlMs: number): Promise<boolean> {
    const lease = this.#held.get(name);
    if (lease && lease.holder !== holder && lease.until > Date.now()) return Promise.resolve(false);
    this.#held.set(name, { holder, until: Date.now() + ttlMs });
    return Promise.resolve(true);
  }
}

const ttlMs = 6_000;
const renewMs = 2_000;

/** Which switches this server acts on: every effect that nobody asked for happens once, however many servers see the same switch. */
export class SwitchLeases {
  readonly #leases: Leases;
  readonly #switches: () => readonly RemoteSwitch[];
  readonly #holder: string;
  /** Until when a program's lease is held here, by its Core-UUID. */
  readonly #until = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;

  /** @param holder what tells this server from others */
  constructor(leases: Leases, holder: string, switches: () => readonly RemoteSwitch[]) {
    this.#leases = leases;
    this.#holder = holder;
    this.#switches = switches;
    this.#timer = setInterval(() => void this.renew(), renewMs);
  }

  holds(home: RemoteSwitch): boolean {
    return home.coreUuid !== undefined && (this.#until.get(home.coreUuid) ?? 0) > Date.now();
  }

  /** Takes what is free; called when a switch comes, too. */
  async renew(): Promise<void> {
    const cores = new Set(this.#switches().flatMap(({ ready, coreUuid }) => (ready && coreUuid !== undefined ? [coreUuid] : [])));
    for (const core of this.#until.keys()) if (!cores.has(core)) this.#until.delete(core);
    await Promise.all([...cores].map(async (core) => {
      // Counted from before the question: the lease is over here a little before it is elsewhere.
      const asked = Date.now();
      const taken = await this.#leases.takeLease(`switch ${core}`, this.#holder, ttlMs).catch(() => false);
      if (taken) this.#until.set(core, asked + ttlMs - 500);
      else this.#until.delete(core);
    }));
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
