import { EventEmitter } from "node:events";
import { slots, type Config } from "../config.ts";
import type { Logger } from "../log.ts";
import type { SwitchEvent } from "./esl-link.ts";
import { Acquaintances } from "./acquaintances.ts";
import { Preference } from "./preference.ts";
import { RemoteSwitch, type SwitchState } from "./remote-switch.ts";
import type { Registration } from "./registrations.ts";
import { Ways } from "./ways.ts";

interface SwitchesEvents {
  /** A switch is ready, drains or can't be asked otherwise than before. */
  changed: [];
  /** Browsers are to register with another switch, or there is none; `isGone`: where they are registered they can't call any more. */
  chosen: [isGone: boolean];
  event: [from: RemoteSwitch, event: SwitchEvent];
  state: [from: RemoteSwitch, state: SwitchState];
  registered: [from: RemoteSwitch, registration: Registration, known: boolean];
  unregistered: [from: RemoteSwitch, registration: Registration];
  /** A switch is gone, with every call in it. */
  gone: [from: RemoteSwitch];
}

/** Every slot of every switch, the hosts in the order of preference; new calls go to the first host's that started last, is ready and does not drain. */
export class Switches extends EventEmitter<SwitchesEvents> {
  readonly #all: RemoteSwitch[];
  readonly #acquaintances = new Map<RemoteSwitch, Acquaintances>();
  readonly #domain: string;
  readonly #log: Logger;
  readonly #preference: Preference<RemoteSwitch>;
  readonly #ways: Ways;
  #again: NodeJS.Timeout | undefined;
  /** Whether any was chosen since the start. */
  #decided = false;
  #chosen: RemoteSwitch | undefined;
  #chosenCore: string | undefined;

  constructor({ switches, eslPassword, domain }: Pick<Config, "switches" | "eslPassword" | "domain">, log: Logger) {
    super();
    this.#domain = domain;
    this.#log = log;
    this.#all = switches.flatMap(({ eslHost, eslPort, sipUrl }, rank) => Array.from({ length: slots }, (_, slot) =>
      new RemoteSwitch(eslHost, eslPort + slot, eslPassword, `${sipUrl}/${slot}`, rank, log)));
    this.#preference = new Preference(switches.length, Date.now());
    this.#ways = new Ways(this.#all, () => this.#choose());
    for (const one of this.#all) {
      const acquaintances = new Acquaintances(one, domain);
      this.#acquaintances.set(one, acquaintances);
      one.on("changed", () => {
        this.emit("changed");
        this.#choose();
      });
      one.on("event", (event) => this.emit("event", one, event));
      one.on("state", (state) => {
        // It has just been made to forget everybody.
        acquaintances.forget();
        this.emit("state", one, state);
      });
      one.on("registered", (registration, known) => this.emit("registered", one, registration, known));
      one.on("unregistered", (registration) => this.emit("unregistered", one, registration));
      one.on("gone", () => this.emit("gone", one));
    }
  }

  get chosen(): RemoteSwitch | undefined {
    return this.#chosen;
  }

  /** Whether it is too early to say, after a start: one in reserve has answered, and the first host's may yet. */
  get undecided(): boolean {
    return !this.#decided && this.#again !== undefined;
  }

  get all(): readonly RemoteSwitch[] {
    return this.#all;
  }

  start(): void {
    for (const one of this.#all) one.start();
  }

  close(): void {
    clearTimeout(this.#again);
    this.#ways.close();
    for (const one of this.#all) one.close();
  }

  /** Makes every switch ask again about a person or an account; ends when each that answers has been told. */
  async forget(user: string): Promise<void> {
    for (const acquaintances of this.#acquaintances.values()) acquaintances.forget(user);
    await Promise.all(this.#all.map((one) =>
      one.forget(user, this.#domain).catch((error: Error) => this.#log.warn({ switch: one.url, reason: error.message }, "directory cache was not flushed"))));
  }

  /** Makes every switch know these people and accounts, so that it can do without this server. */
  introduce(names: readonly string[]): void {
    for (const acquaintances of this.#acquaintances.values()) void acquaintances.introduce(names);
  }

  #choose(): void {
    clearTimeout(this.#again);
    const { best, againMs } = this.#preference.choose(this.#all, this.#chosen, Date.now());
    this.#again = againMs === undefined ? undefined : setTimeout(() => this.#choose(), againMs);
    if (best === this.#chosen && best?.coreUuid === this.#chosenCore) return;
    // Nobody misses anything where they are, as long as that one stays.
    if (best && this.#chosen?.ready && !this.#chosen.draining && !this.#ways.leadTo(best)) return;
    const isGone = best === undefined || this.#chosen?.ready !== true || best === this.#chosen;
    this.#chosen = best;
    this.#decided ||= best !== undefined;
    this.#chosenCore = best?.coreUuid;
    this.#log.info({ switch: best?.url ?? "none" }, "people are sent to another switch");
    this.emit("chosen", isGone);
  }
}
