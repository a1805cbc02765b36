import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { EndReason, Permission } from "../../protocol/wire.ts";
import type { Logger } from "../log.ts";
import { RequestError } from "../sessions/connection.ts";
import * as commands from "../switch/commands.ts";
import { EslRefusal, LinkError } from "../switch/esl-error.ts";
import type { Registration } from "../switch/registrations.ts";
import type { RemoteSwitch } from "../switch/remote-switch.ts";
import type { Switches } from "../switch/switches.ts";
import * as word from "../switch/words.ts";
import type { Leg, Party, TrackedCall } from "./call.ts";
import type { Calls } from "./calls.ts";
import { Serial } from "./serial.ts";

/** Until the switch plays music in a new bridge. */
const bridgeSettlesMs = 500;
/** Until the switch plays the music of a hold: what it has not begun by then, it plays after the hold. */
const musicSettlesMs = 300;
/** How long a device may take to hold its call when it is asked to; FreeSWITCH itself pauses for 250 ms in it. */
const holdAskedMs = 1_500;

/** What commands about calls need of the rest of the server. */
export interface ControlContext {
  calls: Calls;
  switches: Pick<Switches, "all" | "chosen">;
  /** SIP domain. */
  domain: string;
  find(address: string): Party | undefined;
  doNotDisturb(user: string): boolean;
  may(user: string, permission: Permission): boolean;
  /** The account (`anna~k3f9`) of a device of this person's; undefined for one of another's. */
  accountOf(user: string, device: string): string | undefined | Promise<string | undefined>;
  /** Asks a device to do something with a call, which is in this switch; false when it is not at this server. */
  ask(wish: commands.DeviceWish, user: string, device: string, call: string, home: RemoteSwitch): boolean;
  log: Logger;
}

export interface RingOptions {
  call: TrackedCall;
  home: RemoteSwitch;
  user: string;
  role: commands.Ringing["role"];
  /** The devices to ring; every one that the directory finds when left out. */
  devices?: readonly { registration: Registration; leg: string }[];
  autoAnswer: boolean;
  /** Who is shown on the device. */
  shown: Party;
  /** Who is shown to whom the leg calls in its turn. */
  as?: Party;
  to?: string;
  consults?: string;
  whisper?: commands.Ringing["whisper"];
  then: Parameters<typeof commands.originate>[2];
  timeoutSeconds: number;
}

/** Waits until so much has passed since something: no longer than that, whatever the clock says. */
const until = (since: number, ms: number) => delay(Math.max(0, Math.min(since + ms - Date.now(), ms)));

/** Calls that ended are remembered this long, so that a command that is sent again finds nothing left to do. */
const endedMs = 60_000;
const mostEnded = 5_000;
const registrationMs = 500;
/** Milliseconds for a device to register with one more switch, when it is asked to. */
const lineMs = 4_000;
const gone = "There is no such call.";

/** What all commands about calls have in common: whose call it is, one after the other, and how the switch's answers read to people. */
export class CallControl {
  readonly context: ControlContext;
  readonly #serial = new Serial();
  /** Legs that were held without their device's help. */
  readonly #heldBySwitch = new WeakSet<Leg>();
  readonly #ended = new Map<string, ReadonlySet<string>>();
  /** People who are being brought into a call at the moment, by call and person: by their own command or by a rescue, never by both. */
  readonly #bringing = new Map<string, Promise<void>>();

  constructor(context: ControlContext) {
    this.context = context;
    context.calls.on("changed", (call) => {
      if (call.endedAt === undefined || this.#ended.has(call.id)) return;
      if (this.#ended.size >= mostEnded) this.#ended.delete(this.#ended.keys().next().value!);
      this.#ended.set(call.id, new Set([...call.users, ...call.departed.keys()]));
      setTimeout(() => this.#ended.delete(call.id), endedMs).unref();
    });
  }

  /**
   * Works on a call that the person takes part in, one command after the other.
   *
   * @throws RequestError `not-found` for one that doesn't exist, and exactly so for a stranger's
   */
  async withCall<T>(user: string, id: string, work: (call: TrackedCall) => Promise<T>): Promise<T> {
    if (!this.context.calls.get(id)?.users.has(user)) throw new RequestError("not-found", gone);
    return this.one(id, async () => {
      const call = this.context.calls.get(id);
      if (!call) throw new RequestError("conflict", "The call has just ended.");
      if (!call.users.has(user)) throw new RequestError("not-found", gone);
      return work(call);
    });
  }

  /** Whether a call of this person's ended a moment ago: then there is nothing left to end. */
  hadEnded(user: string, id: string): boolean {
    return this.#ended.get(id)?.has(user) ?? false;
  }

  async one<T>(key: string, work: () => Promise<T>): Promise<T> {
    try {
      return await this.#serial.run(key, work);
    } catch (error) {
      throw this.explain(error);
    }
  }

  /** The person's leg that talks. */
  own(call: TrackedCall, user: string): Leg {
    const leg = call.legsOf(user)[0];
    if (!leg?.answered) throw new RequestError("conflict", call.rescuing.has(user) ? "The call is being brought back: wait a moment." : "The call has not been answered.");
    return leg;
  }

  /** The one leg on the other side of a call of two. */
  peer(call: TrackedCall, user: string): Leg {
    if (call.conference) throw new RequestError("conflict", "That can't be done in a conference.");
    const others = call.legsOfTalkers.filter((leg) => leg.user !== user && leg.answered);
    if (others.length !== 1) throw new RequestError("conflict", call.answeredAt === undefined ? "The call has not been answered." : "There is nobody on the other side at the moment.");
    return others[0]!;
  }

  /** The switch that has a leg. */
  switchOf(leg: { home: object }): RemoteSwitch {
    return leg.home as RemoteSwitch;
  }

  run(leg: { home: object }, command: commands.EslCommand): Promise<string> {
    return this.switchOf(leg).link.api(command);
  }

  /** Asks a device to do something with a call, at whichever server it is. */
  async ask(wish: commands.DeviceWish, call: TrackedCall, user: string, device: string, home = this.switchOf(call)): Promise<void> {
    if (this.context.ask(wish, user, device, call.id, home)) return;
    await home.link.fire(commands.askElsewhere(wish, word.uuid(call.id), word.user(user), word.uuid(device)));
  }

  /**
   * Puts a leg on hold, or takes it back: its peer hears music meanwhile. Its own device does it, by SIP, because a leg that the switch holds
   * by itself loses its connection (see `commands.hold`); the switch does when the device can't be asked or doesn't answer. A bridge that has read less than ten frames of the peer's
   * never begins that music, and plays it after the hold instead (switch_ivr_bridge.c, `DEFAULT_LEAD_FRAMES`): it is given its time.
   */
  async setHold(call: TrackedCall, leg: Leg, on: boolean): Promise<void> {
    if (leg.held === on) return;
    if (on) await until(leg.bridgedAt, bridgeSettlesMs);
    else await until(leg.heldAt, musicSettlesMs);
    const device = this.context.calls.deviceOf(leg);
    if (device !== undefined) {
      await this.ask(on ? "hold" : "unhold", call, leg.user, device);
      if (!this.#heldBySwitch.has(leg) && await this.#becomesHeld(call, leg, on)) return;
    }
    await this.run(leg, on ? commands.hold(word.uuid(leg.uuid)) : commands.unhold(word.uuid(leg.uuid)));
    if (on) this.#heldBySwitch.add(leg);
    else this.#heldBySwitch.delete(leg);
  }

  /** Takes the hold of a leg back that is about to leave its call, or to change it with the other side: music would go on there. */
  async endMusic(leg: Leg): Promise<void> {
    if (!leg.held) return;
    await until(leg.heldAt, musicSettlesMs);
    await this.run(leg, commands.unhold(word.uuid(leg.uuid)));
  }

  /** Whether a leg that its device was asked about is held, or is no longer, before it is too late. */
  #becomesHeld(call: TrackedCall, leg: Leg, on: boolean): Promise<boolean> {
    return new Promise((resolve) => {
      const look = () => {
        if (leg.held === on) done(true);
      };
      const done = (held: boolean) => {
        clearTimeout(timer);
        this.context.calls.off("changed", look);
        resolve(held);
      };
      const timer = setTimeout(() => done(!call.legs.has(leg.uuid)), holdAskedMs);
      this.context.calls.on("changed", look);
      look();
    });
  }

  /** A leg that may have ended already. */
  async end(leg: Leg, cause?: commands.HangupCause): Promise<void> {
    try {
      await this.run(leg, commands.kill(word.uuid(leg.uuid), cause));
    } catch (error) {
      if (!(error instanceof EslRefusal && error.gone)) throw error;
    }
  }

  /** Tells every server, this one first, what no channel shows. */
  async tell(call: TrackedCall, subject: commands.NoticeSubject, user: string, reason?: EndReason): Promise<void> {
    const { calls } = this.context;
    if (subject === "leaving" && reason) calls.leaving(call, user, reason);
    else if (subject === "over" && reason) calls.finish(call, reason);
    else if (subject === "rescuing") calls.markVanished(call, user);
    else if (subject === "back") calls.markReturned(call, user);
    else for (const leg of call.legsOf(user)) calls.markMuted(leg, call, subject === "muted");
    const home = this.switchOf(call);
    if (home.kind === "freeswitch" && home.link.up) await home.link.fire(commands.notice(word.uuid(call.id), subject, word.user(user), reason));
  }

  /**
   * A device of this person's that a switch can ring.
   *
   * @param at the call that it is rung for, and the switch which has that: a device that is registered elsewhere is asked to come there too, and says
   *   so in any case, since what is left there may be a page that was loaded again
   * @throws RequestError when it is registered with none, or does not come
   */
  async registration(user: string, device: string, at?: { call: TrackedCall; home: RemoteSwitch }): Promise<{ home: RemoteSwitch; registration: Registration }> {
    const account = await this.context.accountOf(user, device);
    if (account === undefined) throw new RequestError("not-found", "There is no such device of yours.");
    const { chosen, all } = this.context.switches;
    // The one that new registrations go to first: a draining one has only what it still has.
    const homes = at ? [at.home] : [...(chosen ? [chosen] : []), ...all.filter((one) => one.ready && one !== chosen)];
    const comes = at !== undefined && all.some((one) => one.ready && one !== at.home && one.registrations.ofAccount(account) !== undefined);
    const before = comes ? at.home.registrations.ofAccount(account) : undefined;
    if (comes) await this.ask("line", at.call, user, device, at.home);
    // A page asks as soon as it is registered, which the switch may tell a moment later.
    for (const until = Date.now() + (comes ? lineMs : registrationMs); ;) {
      for (const one of homes) {
        const registration = one.registrations.ofAccount(account);
        if (registration && registration !== before) return { home: one, registration };
      }
      if (Date.now() > until) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    // A page of an older release does not know the question.
    if (at && before) return { home: at.home, registration: before };
    throw new RequestError("conflict", at ? "That device is not registered with the switch that has the call." : "That device is not registered with a switch at the moment.");
  }

  /** Whoever takes a command away from a device: a person that exists and is somebody else. */
  other(user: string, address: string): Party {
    const party = this.context.find(address);
    if (!party) throw new RequestError("conflict", `There is nobody called ${address} here.`);
    if (party.user === user) throw new RequestError("conflict", "That is your own number.");
    return party;
  }

  /** Rings, and waits for the answer. */
  ring({ call, home, user, role, devices, autoAnswer, shown, as, to, consults, whisper, then, timeoutSeconds }: RingOptions): Promise<string> {
    const targets = devices?.map(({ registration, leg }) => ({ leg: word.uuid(leg), profile: registration.profile, contact: registration.contact }));
    const named = (party: Party) => ({ name: word.shown(party.name), number: party.extension === "00" ? word.user(party.user) : word.number(party.extension) });
    const command = commands.originate({
      call: word.uuid(call.id), person: word.user(user), role, autoAnswer, shown: named(shown), timeoutSeconds,
      ...(as === undefined ? {} : { as: { name: word.shown(as.name), number: word.number(as.extension) } }),
      ...(to === undefined ? {} : { to: word.destination(to) }),
      ...(consults === undefined ? {} : { consults: word.uuid(consults) }),
      ...(whisper === undefined ? {} : { whisper }),
    }, targets?.[0] ? { devices: [targets[0], ...targets.slice(1)] } : { person: word.user(user), domain: word.domain(this.context.domain) }, then);
    return home.link.background(command, (timeoutSeconds + 5) * 1_000);
  }

  /** Whether somebody is being brought into a call; ends when they are, or are not. */
  bringing(call: TrackedCall, user: string): Promise<void> | undefined {
    return this.#bringing.get(`${call.id} ${user}`);
  }

  /** Does what brings somebody into a call, unless that is being done already. */
  async bringOnce(call: TrackedCall, user: string, work: () => Promise<void>): Promise<void> {
    const key = `${call.id} ${user}`;
    const before = this.#bringing.get(key);
    if (before) return before;
    const running = work();
    this.#bringing.set(key, running.catch(() => {}));
    try {
      await running;
    } finally {
      this.#bringing.delete(key);
    }
  }

  /** Rings one device of somebody's, which answers by itself, and connects it with a leg of the call. */
  async bringIn(call: TrackedCall, user: string, registration: Registration, peer: Leg, role: commands.Ringing["role"], timeoutSeconds: number, leg: string = randomUUID()): Promise<string> {
    const home = this.switchOf(peer);
    const shown = this.context.find(peer.user)!;
    await this.ring({ call, home, user, role, devices: [{ registration, leg }], autoAnswer: true, shown, then: { application: "park" }, timeoutSeconds });
    try {
      await this.run(peer, commands.bridge(word.uuid(leg), word.uuid(peer.uuid)));
    } catch (error) {
      await home.link.api(commands.kill(word.uuid(leg))).catch(() => {});
      throw error;
    }
    return leg;
  }

  /** How an error reads to people. */
  explain(error: unknown): unknown {
    if (error instanceof RequestError || !(error instanceof Error)) return error;
    if (error instanceof EslRefusal) {
      this.context.log.info({ reason: error.message }, "the switch refused a command");
      if (error.gone) return new RequestError("conflict", "The call has just ended.");
      if (/^[A-Z_]+$/.test(error.sentence)) return new RequestError("conflict", `The device did not take the call (${error.sentence.toLowerCase().replaceAll("_", " ")}).`);
      return new RequestError("unavailable", `The switch can't do that: ${error.sentence}.`);
    }
    if (error instanceof LinkError) {
      this.context.log.warn({ reason: error.message }, "the switch did not answer a command");
      return new RequestError("unavailable", "The switch did not answer. Try again.");
    }
    if (error instanceof word.BadWord) return new RequestError("bad-request", error.message);
    if (error.message === "too much waits") return new RequestError("too-many", "Too many commands about this call at once.");
    return error;
  }
}
