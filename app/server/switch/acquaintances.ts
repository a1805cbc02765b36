import type { RemoteSwitch } from "./remote-switch.ts";

/** Names kept in mind for one switch; beyond that it asks when it needs to. */
const most = 20_000;

/**
 * Whom a switch was made to look up. It keeps what it has looked up without end (`cacheable="true"`), so people who are signed
 * in can call each other and register again however long no application server runs, also those whom nobody has called yet.
 */
export class Acquaintances {
  readonly #switch: RemoteSwitch;
  readonly #domain: string;
  readonly #known = new Set<string>();
  #introducing = false;

  constructor(of: RemoteSwitch, domain: string) {
    this.#switch = of;
    this.#domain = domain;
  }

  /** The switch has dropped what it knew of a name, or, without one, of everybody. */
  forget(name?: string): void {
    if (name === undefined) this.#known.clear();
    else this.#known.delete(name);
  }

  /** Has the switch look up whoever of these it doesn't know yet, one after the other. (FreeSWITCH, mod_commands, `user_data`) */
  async introduce(names: readonly string[]): Promise<void> {
    // The lab switch has no such command.
    if (this.#introducing || this.#switch.kind !== "freeswitch") return;
    this.#introducing = true;
    try {
      for (const name of names) {
        if (this.#known.has(name) || this.#known.size >= most) continue;
        if (!this.#switch.ready) return;
        // Noted before it is asked: what is forgotten meanwhile stays forgotten, and is asked for again.
        this.#known.add(name);
        await this.#switch.lookUp(name, this.#domain).catch((error: Error) => {
          if (!/no reply/.test(error.message)) this.#known.delete(name);
        });
      }
    } finally {
      this.#introducing = false;
    }
  }
}
