import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { limits } from "../../protocol/wire.ts";
import * as commands from "../switch/commands.ts";
import { EslRefusal } from "../switch/esl-error.ts";
import type { Registration } from "../switch/registrations.ts";
import type { RemoteSwitch } from "../switch/remote-switch.ts";
import type { Switches } from "../switch/switches.ts";
import * as word from "../switch/words.ts";
import type { Leg, TrackedCall } from "./call.ts";
import type { CallControl } from "./control.ts";
import { MediaWatch } from "./media-watch.ts";

/** Seconds for a device that has just registered to answer by itself. */
const ringSeconds = 8;
/** Milliseconds from an attempt that failed to the next. */
const againMs = 1_500;
/** Milliseconds in which a leg that has answered becomes known. */
const knownMs = 3_000;
/** Milliseconds in which somebody whose page reloads is usually back: no music for so short a time. */
const musicAfterMs = 600;
/** Milliseconds that the switch may take to begin the music it was told to play, and between two looks. */
const musicBeginsMs = 1_000;
const musicLookMs = 20;

export interface RescueOptions {
  /** Whether this server acts on a switch. */
  acts(home: RemoteSwitch): boolean;
  /** @default limits.rescueSeconds */
  seconds?: number;
}

/**
 * Brings people back into their calls: after a reload of the page, a lost network, a dead switch. Whoever stays hears music; whoever
 * registers again is rung, answers by itself, and is connected. Who hung up is never brought back. (docs/calls.md)
 */
export class Rescue {
  readonly #control: CallControl;
  readonly #acts: (home: RemoteSwitch) => boolean;
  readonly #seconds: number;
  readonly #watch: MediaWatch;
  /** Calls that wait, and when they are given up. */
  readonly #deadlines = new Map<string, NodeJS.Timeout>();
  /** Legs that the switch said had answered, in its reply to the command: their event may come after it. */
  readonly #arrived = new WeakSet<Leg>();
  /** Whom a leg was bridged with here: the event of it comes later, and a second bridge of two who are on their way into the first ends both. */
  readonly #bridged = new WeakMap<Leg, Leg>();
  /** Who was sent to the music, and when. */
  readonly #music = new WeakMap<Leg, number>();

  constructor(control: CallControl, switches: Switches, { acts, seconds = limits.rescueSeconds }: RescueOptions) {
    this.#control = control;
    this.#acts = acts;
    this.#seconds = seconds;
    const { calls } = control.context;
    this.#watch = new MediaWatch(calls, acts, (call, leg) => this.#onSilent(call, leg), (call, leg) => void this.#onSound(call, leg));
    calls.on("vanished", (call, user) => this.#onVanished(call, user));
    calls.on("returned", (call) => this.#settle(call));
    calls.on("changed", (call) => this.#settle(call));
    calls.on("orphan", (leg) => {
      if (acts(leg.home as RemoteSwitch)) control.end(leg).catch(() => {});
    });
    switches.on("registered", (home, registration, known) => {
      this.#watch.calm(registration.account);
      this.#onRegistered(home, registration, known);
    });
    switches.on("unregistered", (_, { account }) => this.#watch.hurry(account));
  }

  close(): void {
    this.#watch.close();
    for (const timer of this.#deadlines.values()) clearTimeout(timer);
  }

  #onVanished(call: TrackedCall, user: string): void {
    if (!this.#deadlines.has(call.id)) this.#deadlines.set(call.id, setTimeout(() => this.#giveUp(call), this.#seconds * 1_000));
    const account = call.rescuing.get(user)?.account ?? "";
    for (const leg of call.legsOf(user)) this.#arrived.delete(leg);
    setTimeout(() => {
      if (call.rescuing.has(user)) this.#try(`music for those who wait`, call, () => this.#playMusic(call, user));
    }, musicAfterMs);
    // Its line is there still: it stands still for a moment, or notices by itself that its media is gone.
    if (call.legsOf(user).some(({ home }) => (home as RemoteSwitch).ready && (home as RemoteSwitch).registrations.ofAccount(account))) return;
    // Registered with another switch already: its page is there.
    for (const home of this.#control.context.switches.all) {
      if (call.legsOf(user).some((leg) => leg.home === home) || !home.ready) continue;
      const registration = home.registrations.ofAccount(account);
      if (registration) void this.#bringBack(call, user, home, registration);
    }
  }

  /** The switch in which the call goes on without somebody: who stays waits there, and would not be met elsewhere. Undefined when nobody stays. */
  #goesOnAt(call: TrackedCall, user: string): RemoteSwitch | undefined {
    const stays = call.conference?.home ?? call.legsOfTalkers.find((leg) => leg.user !== user && leg.answered && !call.rescuing.has(leg.user))?.home;
    return (stays as RemoteSwitch | undefined)?.ready ? stays as RemoteSwitch : undefined;
  }

  #onRegistered(home: RemoteSwitch, registration: Registration, known: boolean): void {
    for (const call of this.#control.context.calls.all) {
      for (const [user, { account }] of call.rescuing) if (account === registration.account) void this.#bringBack(call, user, home, registration);
      // A page that was loaded again registers anew, and its old leg has nobody any more.
      const left = known ? undefined : call.legsOfTalkers.find((leg) => leg.answered && leg.home === home && leg.account === registration.account && leg.instance !== registration.instance);
      if (!left || call.answeredAt === undefined || !this.#acts(home)) continue;
      void this.#control.tell(call, "rescuing", left.user).catch(() => {});
      void this.#bringBack(call, left.user, home, registration);
    }
  }

  #onSilent(call: TrackedCall, leg: Leg): void {
    if (call.rescuing.has(leg.user) || call.legsOf(leg.user).length > 1) return;
    this.#control.context.log.info({ call: call.id, user: leg.user }, "nothing is heard of somebody any more");
    void this.#control.tell(call, "rescuing", leg.user).catch(() => {});
  }

  /** The old leg speaks again: the network was gone for a moment. */
  async #onSound(call: TrackedCall, leg: Leg): Promise<void> {
    if (!call.rescuing.has(leg.user) || this.#control.bringing(call, leg.user)) return;
    await this.#try("the old leg", call, async () => {
      await this.#connect(call, leg);
      await this.#control.tell(call, "back", leg.user);
    });
  }

  /**
   * Whoever waits is taken out of the bridge, so that they don't hang on the leg of somebody who is gone. In turn with connecting them: music
   * that overtakes the bridge with a page that is just back would end it.
   */
  #playMusic(call: TrackedCall, missing: string): Promise<void> {
    return this.#control.one(`connect ${call.id}`, async () => {
      if (!call.conference && call.rescuing.has(missing)) await this.#takeApart(call, missing);
    });
  }

  async #takeApart(call: TrackedCall, missing: string): Promise<void> {
    const account = call.rescuing.get(missing)?.account ?? "";
    const waiting = call.legsOfTalkers.find((leg) => leg.user !== missing && leg.answered && !call.rescuing.has(leg.user));
    if (!waiting || !this.#acts(waiting.home as RemoteSwitch)) return;
    // Bridged with the leg by which the missing one is back: only the word of it is still on its way.
    const back = this.#bridged.get(waiting);
    if (back?.user === missing && this.#arrived.has(back) && call.legs.has(back.uuid) && this.#control.bringing(call, missing)) return;
    for (const old of call.legsOf(missing)) await this.#control.run(old, commands.mark(word.uuid(old.uuid), { name: "park_after_bridge", value: "true" }));
    if (/~/.test(account)) await this.#control.run(waiting, commands.mark(word.uuid(waiting.uuid), { name: "houseline_missing", value: word.account(account) }));
    await this.#control.run(waiting, commands.transferInto(word.uuid(waiting.uuid), { application: "music" }));
    this.#music.set(waiting, Date.now());
    for (const apart of [waiting, this.#bridged.get(waiting)]) if (apart) this.#bridged.delete(apart);
  }

  async #bringBack(call: TrackedCall, user: string, home: RemoteSwitch, registration: Registration): Promise<void> {
    const at = this.#goesOnAt(call, user) ?? home;
    if (!this.#acts(at) || at.kind !== "freeswitch") return;
    if (at !== home) return this.#callOver(call, user, at, registration.account);
    await this.#control.bringOnce(call, user, () => this.#ring(call, user, home, registration));
  }

  /** Registered with another switch than the one that has the call, which may be on its way out: the device is asked to come there. It is rung when it does. */
  async #callOver(call: TrackedCall, user: string, at: RemoteSwitch, account: string): Promise<void> {
    const device = this.#control.context.calls.deviceAt(account);
    if (device !== undefined) await this.#try("a line to its switch", call, () => this.#control.ask("line", call, user, device, at));
  }

  async #ring(call: TrackedCall, user: string, home: RemoteSwitch, registration: Registration): Promise<void> {
    try {
      await this.bring(call, user, home, registration);
    } catch (error) {
      this.#control.context.log.info({ call: call.id, user, reason: (error as Error).message }, "bringing somebody back failed");
      if (error instanceof EslRefusal && error.sentence === "CALL_REJECTED") await this.#end(call, user, "hung-up");
      else if (error instanceof EslRefusal && error.sentence === "USER_BUSY") await this.#try("who was there", call, () => this.#wasThere(call, user));
      else setTimeout(() => this.#again(call, user, home, registration.account), againMs).unref();
    }
  }

  /** Busy: the page has the call, and its media too. Whoever it talked to may be back by another leg meanwhile. */
  async #wasThere(call: TrackedCall, user: string): Promise<void> {
    const leg = call.legsOf(user).find(({ answered }) => answered);
    if (leg) this.#arrived.add(leg);
    await this.#control.tell(call, "back", user);
    if (leg && !call.conference) await this.#connect(call, leg);
  }

  /** A device says that nothing is heard over the leg that it has: whether the switch hears it is looked at soon. */
  doubt(account: string): void {
    this.#watch.hurry(account, true);
  }

  /**
   * Rings a device of somebody who vanished, which answers by itself, and connects it with whoever is in the call.
   *
   * @throws EslRefusal, LinkError when it does not answer
   */
  async bring(call: TrackedCall, user: string, home: RemoteSwitch, registration: Registration): Promise<void> {
    const { context } = this.#control;
    const role = call.rescuing.get(user)?.role ?? call.legsOf(user)[0]?.role ?? "callee";
    const shown = [call.caller, call.callee].find((party) => party && party.user !== user) ?? call.caller;
    const leg = randomUUID();
    const begun = Date.now();
    await this.#control.ring({
      call, home, user, role, devices: [{ registration, leg }], autoAnswer: true, shown, timeoutSeconds: ringSeconds,
      then: call.conference ? { application: "conference", room: word.room(call.conference.name), flags: [] } : { application: "music" },
    });
    const found = await this.#known(call, leg);
    if (call.endedAt !== undefined || !found) {
      await home.link.api(commands.kill(word.uuid(leg))).catch(() => {});
      return;
    }
    this.#arrived.add(found);
    if (!call.conference) await this.#connect(call, found);
    await this.#control.tell(call, "back", user);
    for (const old of call.legsOf(user)) {
      if (old.uuid === leg) continue;
      await this.#spare(call, old, found);
      await this.#control.end(old, "PICKED_OFF");
    }
    context.log.info({ call: call.id, user, milliseconds: Date.now() - begun }, "somebody is back in their call");
  }

  /** Whoever hangs on a leg that ends, and is missed too, does not end with it: their page may have the call all the same. */
  async #spare(call: TrackedCall, old: Leg, next: Leg): Promise<void> {
    const other = [...call.legs.values()].find(({ peer }) => peer === old.uuid);
    if (!other || call.conference || this.#bridged.get(other) === next) return;
    await this.#try("who hangs on an old leg", call, async () => {
      for (const one of [old, other]) await this.#control.run(one, commands.mark(word.uuid(one.uuid), { name: "park_after_bridge", value: "true" }));
    });
  }

  /** FreeSWITCH hands out events on several threads: its reply to a command may come before what it tells of the leg, when much happens at once. */
  async #known(call: TrackedCall, leg: string): Promise<Leg | undefined> {
    for (const end = Date.now() + knownMs; call.endedAt === undefined && !call.legs.has(leg) && Date.now() < end;) await new Promise((resolve) => setTimeout(resolve, 20));
    return call.legs.get(leg);
  }

  #again(call: TrackedCall, user: string, home: RemoteSwitch, account: string): void {
    const registration = home.registrations.ofAccount(account);
    if (registration && call.rescuing.has(user)) void this.#bringBack(call, user, home, registration);
  }

  /** Connects somebody who is back with whoever waits for them in the same switch. */
  async #connect(call: TrackedCall, leg: Leg): Promise<void> {
    await this.#control.one(`connect ${call.id}`, async () => {
      // One that is still on its way has answered before FreeSWITCH is done with its media, and is lost by a bridge: it connects itself when it is there.
      // Nobody is at the other end of what is left of one who vanished, and it ends in a while.
      const isHere = (other: Leg) => this.#arrived.has(other) || (other.answered && !this.#control.bringing(call, other.user) && !call.rescuing.has(other.user));
      const peer = call.legsOfTalkers.find((other) => other.user !== leg.user && other.home === leg.home && isHere(other));
      if (!peer || peer.peer === leg.uuid || this.#bridged.get(peer) === leg) return;
      for (const one of [leg, peer]) await this.#control.run(one, commands.mark(word.uuid(one.uuid), { name: "park_after_bridge", value: "false" }));
      await this.#musicPlays(peer);
      await this.#control.run(peer, commands.bridge(word.uuid(leg.uuid), word.uuid(peer.uuid)));
      this.#bridged.set(peer, leg).set(leg, peer);
      await this.#control.run(peer, commands.mark(word.uuid(peer.uuid), { name: "houseline_missing", value: "none" }));
    });
  }

  /** A transfer is answered before it begins: one that begins after a bridge ends that. */
  async #musicPlays(leg: Leg): Promise<void> {
    const end = (this.#music.get(leg) ?? 0) + musicBeginsMs;
    while (Date.now() < end && (await this.#control.run(leg, commands.currentApplication(word.uuid(leg.uuid)))).trim() !== commands.musicApplication) await delay(musicLookMs);
  }

  #settle(call: TrackedCall): void {
    if (call.rescuing.size > 0 && call.endedAt === undefined) return;
    clearTimeout(this.#deadlines.get(call.id));
    this.#deadlines.delete(call.id);
  }

  #giveUp(call: TrackedCall): void {
    this.#deadlines.delete(call.id);
    if (call.endedAt !== undefined || call.rescuing.size === 0) return;
    const others = new Set(call.legsOfTalkers.filter(({ user }) => !call.rescuing.has(user)).map(({ user }) => user));
    if (call.conference && others.size > 1) for (const user of [...call.rescuing.keys()]) this.#control.context.calls.giveUp(call, user);
    else void this.#end(call, [...call.rescuing.keys()][0]!, "not-returned");
  }

  /** The legs that are left end with it. */
  async #end(call: TrackedCall, user: string, reason: "hung-up" | "not-returned"): Promise<void> {
    await this.#try("its end", call, () => this.#control.tell(call, "over", user, reason));
  }

  async #try(what: string, call: TrackedCall, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#control.context.log.info({ call: call.id, what, reason: (error as Error).message }, "a step of a rescue failed");
    }
  }
}
