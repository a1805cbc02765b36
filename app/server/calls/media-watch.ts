import * as commands from "../switch/commands.ts";
import type { RemoteSwitch } from "../switch/remote-switch.ts";
import * as word from "../switch/words.ts";
import type { Leg, TrackedCall } from "./call.ts";
import type { Calls } from "./calls.ts";

/** Milliseconds between two looks, also while there is reason to hurry; and for how many of them nothing came when somebody has vanished. */
const defaults = { everyMs: 1_500, silentLooks: 2, hurryMs: 350 };
/** A look that a timer made a little early counts all the same. */
const early = 0.95;

interface Seen {
  packets: number;
  /** When that many were seen first. */
  since: number;
}

/** Whether what devices send still arrives. A page sends without a pause, also when it is muted: silence means that it is gone. */
export class MediaWatch {
  readonly #calls: Calls;
  readonly #acts: (home: RemoteSwitch) => boolean;
  readonly #options: typeof defaults;
  readonly #seen = new Map<string, Seen>();
  /** Looks to come at those whose connection went, by account. */
  readonly #hurried = new Map<string, NodeJS.Timeout[]>();
  readonly #timer: NodeJS.Timeout;
  #looking = false;

  constructor(calls: Calls, acts: (home: RemoteSwitch) => boolean, onSilent: (call: TrackedCall, leg: Leg) => void, onSound: (call: TrackedCall, leg: Leg) => void, options: Partial<typeof defaults> = {}) {
    this.#calls = calls;
    this.#acts = acts;
    this.#onSilent = onSilent;
    this.#onSound = onSound;
    this.#options = { ...defaults, ...options };
    this.#timer = setInterval(() => void this.#lookAll(), this.#options.everyMs);
  }

  readonly #onSilent: (call: TrackedCall, leg: Leg) => void;
  readonly #onSound: (call: TrackedCall, leg: Leg) => void;

  /**
   * A device's connection went: its legs are looked at more often for a moment.
   *
   * @param complains whether it says itself that its media is gone: then one from whom nothing ever came has vanished, too
   */
  hurry(account: string, complains = false): void {
    const looks = 2 + this.#options.silentLooks;
    const timers = Array.from({ length: looks }, (_, index) => setTimeout(() => {
      if (index === looks - 1 && this.#hurried.get(account) === timers) this.#hurried.delete(account);
      for (const call of this.#calls.all) for (const leg of call.legsOfTalkers) if (leg.account === account) void this.#look(call, leg, this.#options.hurryMs, complains);
    }, (index + 1) * this.#options.hurryMs).unref());
    if (!complains) this.#hurried.set(account, timers);
  }

  /** It has a connection again: a page that stood still for that moment has not vanished. */
  calm(account: string): void {
    for (const timer of this.#hurried.get(account) ?? []) clearTimeout(timer);
    this.#hurried.delete(account);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #lookAll(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const legs = this.#calls.all.flatMap((call) => call.legsOfTalkers.map((leg) => ({ call, leg })));
    const known = new Set(legs.map(({ leg }) => leg.uuid));
    for (const uuid of this.#seen.keys()) if (!known.has(uuid)) this.#seen.delete(uuid);
    await Promise.all(legs.map(({ call, leg }) => this.#look(call, leg, this.#options.everyMs)));
    this.#looking = false;
  }

  async #look(call: TrackedCall, leg: Leg, everyMs: number, complains = false): Promise<void> {
    const home = leg.home as RemoteSwitch;
    // One that waits, or is told to, sends nothing for good reasons.
    const quiet = !leg.answered || call.answeredAt === undefined || call.space !== undefined || call.legsOfTalkers.some(({ held }) => held);
    if (quiet || home.kind !== "freeswitch" || !home.link.up || !this.#acts(home)) return void this.#seen.delete(leg.uuid);
    try {
      await home.link.api(commands.measureMedia(word.uuid(leg.uuid)));
      const packets = Number(await home.link.api(commands.mediaPackets(word.uuid(leg.uuid))));
      if (!Number.isFinite(packets)) return;
      const before = this.#seen.get(leg.uuid);
      const since = before?.packets === packets ? before.since : Date.now();
      this.#seen.set(leg.uuid, { packets, since });
      // One from whom nothing ever came has not vanished. Two looks may come right after each other, a regular one and a hurried one.
      if ((packets > 0 || complains) && Date.now() - since >= everyMs * this.#options.silentLooks * early) this.#onSilent(call, leg);
      else if (before && packets > before.packets) this.#onSound(call, leg);
    } catch {
      // It ended meanwhile, or the switch is out of reach.
      this.#seen.delete(leg.uuid);
    }
  }
}
