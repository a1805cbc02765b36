import { EventEmitter } from "node:events";
import { endReason, userName, type Call, type EndReason } from "../../protocol/wire.ts";
import { channelOf, type Channel } from "../switch/channel.ts";
import type { DeviceWish } from "../switch/commands.ts";
import type { SwitchEvent } from "../switch/esl-link.ts";
import type { SwitchState } from "../switch/remote-switch.ts";
import { isHidden, TrackedCall, type DeviceOf, type Leg, type Party, type Role } from "./call.ts";
import { callOfRoom, Conferences, type Conference } from "./conference.ts";
import { participantsOf } from "./participants.ts";
import { endReasonOf, isLoss } from "./reason.ts";
import { CallRegistry } from "./registry.ts";

/** Who people are: what a call tracker has to ask. */
export interface Directory {
  /** Somebody by user name or extension. */
  find(address: string): Party | undefined;
  doNotDisturb(user: string): boolean;
  /** A room of the company's, by its name. */
  room?(name: string): Party | undefined;
}

interface CallsEvents {
  /** A call is new, changed or has ended. */
  changed: [call: TrackedCall];
  /** Somebody left a call that goes on. */
  left: [call: TrackedCall, user: string];
  /** Somebody vanished from a call without hanging up. */
  vanished: [call: TrackedCall, user: string];
  /** Somebody who had vanished is back. */
  returned: [call: TrackedCall, user: string];
  /** A device at another server than the one that was asked is to do something. */
  ask: [call: TrackedCall, user: string, device: string, wish: DeviceWish, home: object];
  /** A leg is left of a call that is over. */
  orphan: [leg: Leg];
  /** A conference changed. */
  conference: [conference: Conference];
}

export interface CallsOptions {
  deviceOf?: DeviceOf;
  /** The account of the device that a switch reaches by a contact. */
  accountAt?: (home: object, instance: string) => string | undefined;
  /** Whether people who vanish from a switch can be brought back into their calls. */
  rescues?: (home: object) => boolean;
  now?: () => number;
}

const roles: ReadonlySet<string> = new Set<Role>(["caller", "callee", "added", "listening", "whispering", "barged-in"]);

/** Follows every call of every switch by its events, and rebuilds what it missed from what the switch has. (docs/calls.md) */
export class Calls extends EventEmitter<CallsEvents> {
  readonly conferences = new Conferences();
  readonly #directory: Directory;
  readonly #deviceOf: DeviceOf;
  readonly #accountAt: NonNullable<CallsOptions["accountAt"]>;
  readonly #rescues: (home: object) => boolean;
  readonly #now: () => number;
  readonly #registry = new CallRegistry();
  readonly #find = (user: string) => this.#directory.find(user);

  constructor(directory: Directory, { deviceOf = () => undefined, accountAt = () => undefined, rescues = () => false, now = Date.now }: CallsOptions = {}) {
    super();
    this.#directory = directory;
    this.#deviceOf = deviceOf;
    this.#accountAt = accountAt;
    this.#rescues = rescues;
    this.#now = now;
  }

  get all(): readonly TrackedCall[] {
    return this.#registry.all;
  }

  /** A call in progress. */
  get(id: string): TrackedCall | undefined {
    return this.#registry.get(id);
  }

  of(user: string): TrackedCall[] {
    return this.#registry.of(user);
  }

  withLeg(uuid: string): TrackedCall | undefined {
    return this.#registry.withLeg(uuid);
  }

  /** Ids of the legs that a switch is known to have. */
  legsAt(home: object): string[] {
    return this.#registry.legsAt(home);
  }

  withSpace(space: number): TrackedCall | undefined {
    return this.all.find((call) => call.space === space);
  }

  /** As the protocol has it, for those who take part in it or, with hidden supervisors, for supervisors. */
  view(call: TrackedCall, forSupervisor = false): Call | undefined {
    if (call.endedAt !== undefined) return call.view();
    const legs = new Set(call.legs.values());
    for (const uuid of call.conference?.members.keys() ?? []) {
      const leg = this.#registry.withLeg(uuid)?.legs.get(uuid);
      if (leg) legs.add(leg);
    }
    return call.view(participantsOf(call, [...legs], this.#find, this.#deviceOf, forSupervisor));
  }

  /** The public id of the device that has a leg, as far as it is known. */
  deviceOf(leg: Leg): string | undefined {
    return this.deviceAt(leg.account);
  }

  /** The same of the device that has an account. */
  deviceAt(account: string): string | undefined {
    return this.#deviceOf(account);
  }

  /** What somebody's calls make of them. */
  presenceOf(user: string): "in-call" | "ringing" | undefined {
    return this.#registry.presenceOf(user);
  }

  /** A call that a server is about to place: its first leg will have the call's id. */
  open(id: string, home: object, caller: Party, destination: string, consults?: TrackedCall): TrackedCall {
    const call = new TrackedCall(id, home, caller, this.#partyAt(destination), this.#now());
    this.#registry.add(call);
    this.#consult(call, consults);
    this.emit("changed", call);
    return call;
  }

  /** Takes in one event of a switch. */
  take(home: object, event: SwitchEvent): void {
    if (event["Event-Name"] === "CUSTOM") return this.#takeCustom(home, event);
    const name = event["Event-Name"];
    // What comes most often needs no more than which leg it is.
    if (name === "CHANNEL_HOLD" || name === "CHANNEL_UNHOLD") return this.#hold(String(event["Unique-ID"]), name === "CHANNEL_HOLD");
    const channel = channelOf(event);
    if (!channel) return;
    switch (name) {
      case "CHANNEL_CREATE": return this.#create(home, channel);
      case "CHANNEL_ANSWER": return this.#answer(home, channel);
      case "CHANNEL_BRIDGE": return this.#bridge(channel.uuid, channel.other || channel.peer);
      case "CHANNEL_UNBRIDGE": return this.#unbridge(channel.uuid);
      case "CHANNEL_HANGUP_COMPLETE": return this.#hangUp(channel);
    }
  }

  /** Takes what a switch has for the truth: what it doesn't have has ended meanwhile. */
  read(home: object, { channels, conferences, parked }: SwitchState): void {
    const found = channels.flatMap((event) => channelOf(event) ?? []).filter(({ hungUp }) => !hungUp);
    const known = new Set(found.map(({ uuid }) => uuid));
    for (const call of this.all) for (const leg of [...call.legs.values()]) if (leg.home === home && !known.has(leg.uuid)) this.#remove(call, leg, "NETWORK_OUT_OF_ORDER", "");
    this.conferences.replace(home, conferences);
    found.sort((a, b) => a.createdAt - b.createdAt || a.direction.localeCompare(b.direction));
    for (const channel of found) this.#adopt(home, channel);
    for (const { uuid, peer } of found) if (peer !== "") this.#bridge(uuid, peer);
    for (const conference of this.conferences.all) for (const uuid of conference.members.keys()) if (conference.home === home) this.#enter(conference, uuid);
    for (const { uuid, space } of parked) this.#park(uuid, space);
  }

  /** A switch is gone, with every leg in it: calls that were answered may come back in another. */
  gone(home: object): void {
    this.conferences.lose(home);
    for (const call of this.all) {
      const lost = [...call.legs.values()].filter((leg) => leg.home === home);
      if (lost.length === 0 && !(call.home === home && call.legs.size === 0 && call.rescuing.size === 0)) continue;
      const answered = lost.filter((leg) => leg.answered && !isHidden(leg));
      if (call.answeredAt !== undefined && this.#rescues(home) && answered.length > 0) for (const leg of answered) this.#vanish(call, leg);
      for (const leg of lost) this.#registry.detach(call, leg);
      call.conference = undefined;
      if (call.rescuing.size === 0 && call.legs.size === 0) this.#end(call, "NETWORK_OUT_OF_ORDER");
      else this.emit("changed", call);
    }
  }

  /** Somebody is about to leave, for this reason: said before the command that makes them. */
  leaving(call: TrackedCall, user: string, reason: EndReason): void {
    call.leaving.set(user, reason);
  }

  /** Somebody's media or device is gone, though their leg is not. */
  markVanished(call: TrackedCall, user: string): void {
    const leg = call.legsOf(user)[0];
    if (!leg?.answered || call.rescuing.has(user) || call.answeredAt === undefined) return;
    this.#vanish(call, leg);
    this.emit("changed", call);
  }

  /** Somebody who had vanished is back. */
  markReturned(call: TrackedCall, user: string): void {
    if (!call.rescuing.delete(user)) return;
    this.emit("returned", call, user);
    this.emit("changed", call);
  }

  markMuted(leg: Leg, call: TrackedCall, muted: boolean): void {
    if (leg.muted === muted) return;
    leg.muted = muted;
    this.emit("changed", call);
  }

  /** Somebody who vanished is not waited for any longer; the others go on. */
  giveUp(call: TrackedCall, user: string): void {
    if (!call.rescuing.delete(user)) return;
    this.#depart(call, user, "not-returned");
    this.emit("changed", call);
  }

  /** Ends a call that no leg holds any more. */
  finish(call: TrackedCall, reason: EndReason): void {
    this.#end(call, "", reason);
  }

  #create(home: object, channel: Channel): void {
    if (this.#registry.withLeg(channel.uuid)) return;
    const call = this.#callOf(home, channel);
    const party = this.#directory.find(channel.user);
    if (!call || !party) return;
    const first = channel.uuid === call.id;
    const role = roles.has(channel.role) ? channel.role as Role : first ? "caller" : "callee";
    this.#join(call, {
      uuid: channel.uuid, user: party.user, direction: channel.direction, home, role, account: channel.account || (this.#accountAt(home, channel.contact) ?? ""), instance: channel.contact,
      answered: channel.answered, held: channel.held, heldAt: 0, muted: channel.muted, peer: undefined, bridgedAt: 0,
    });
  }

  /** The call that a leg is of: by our mark, by the leg that rang it, or a new one. */
  #callOf(home: object, channel: Channel): TrackedCall | undefined {
    const marked = channel.call && this.#registry.get(channel.call);
    if (marked) return marked;
    if (channel.call === "" && channel.direction === "outbound") return this.#registry.withLeg(channel.other) ?? this.#registry.get(channel.origin) ?? this.#registry.withLeg(channel.origin);
    const caller = this.#directory.find(channel.user);
    if (!caller || !this.#registry.takes(channel.call || channel.uuid)) return undefined;
    const call = new TrackedCall(channel.call || channel.uuid, home, caller, this.#partyAt(channel.to || (channel.direction === "inbound" ? channel.destination : "")), channel.createdAt || this.#now());
    if (channel.direction === "inbound" && channel.sipCallId !== "") call.sipCallId = channel.sipCallId;
    this.#registry.add(call);
    this.#consult(call, this.#registry.get(channel.consults));
    return call;
  }

  #partyAt(destination: string): Party | undefined {
    const room = /^room-(.+)$/.exec(destination)?.[1];
    if (room !== undefined) return this.#directory.room?.(room) ?? { user: room, name: room, extension: "00" };
    return this.#directory.find(destination);
  }

  #consult(call: TrackedCall, about: TrackedCall | undefined): void {
    if (!about) return;
    call.consults = about.id;
    about.consultation = call.id;
    // Whoever asks has held that call already: nothing else would tell them.
    this.emit("changed", about);
  }

  #join(call: TrackedCall, leg: Leg): void {
    this.#registry.attach(call, leg);
    call.home = leg.home;
    if (!call.callee && leg.role === "callee") call.callee = this.#directory.find(leg.user);
    this.#recognise(call);
    this.emit("changed", call);
  }

  #answer(home: object, channel: Channel): void {
    // Its marks may have come after the leg itself.
    if (!this.#registry.withLeg(channel.uuid)) this.#create(home, channel);
    const call = this.#registry.withLeg(channel.uuid);
    const leg = call?.legs.get(channel.uuid);
    if (!call || !leg) return;
    if (channel.account !== "") leg.account = channel.account;
    if (leg.answered) return;
    leg.answered = true;
    // The call is answered when whoever is called is; a room or an echo test answers the caller itself.
    if (leg.role !== "caller" || !call.callee) call.answeredAt ??= this.#now();
    this.#recognise(call);
    this.emit("changed", call);
  }

  /** Two legs talk to each other: they may come from different calls, and then are one, the older. */
  #bridge(one: string, other: string): void {
    const [first, second] = [this.#registry.withLeg(one), this.#registry.withLeg(other)];
    const [a, b] = [first?.legs.get(one), second?.legs.get(other)];
    if (!first || !second || !a || !b) return;
    if (a.peer !== other || b.peer !== one) a.bridgedAt = b.bridgedAt = this.#now();
    a.peer = other;
    b.peer = one;
    if (first === second) {
      first.space = undefined;
      if (first.answeredAt === undefined && a.answered && b.answered) first.answeredAt = this.#now();
      this.#recognise(first);
      this.emit("changed", first);
      return;
    }
    const [stays, goes] = first.startedAt < second.startedAt || (first.startedAt === second.startedAt && first.id < second.id) ? [first, second] : [second, first];
    this.#move(goes === first ? a : b, goes, stays);
  }

  /** A leg goes over to another call; what it leaves behind ends, or ends when its last leg does. */
  #move(leg: Leg, from: TrackedCall, to: TrackedCall): void {
    this.#registry.move(leg, from, to);
    to.space = undefined;
    to.answeredAt ??= this.#now();
    from.into = to.id;
    this.#recognise(to);
    if (from.legs.size === 0) this.#end(from, "", "merged");
    else this.emit("changed", from);
    this.emit("changed", to);
  }

  #unbridge(uuid: string): void {
    const leg = this.#registry.withLeg(uuid)?.legs.get(uuid);
    const peer = leg?.peer === undefined ? undefined : this.#registry.withLeg(leg.peer)?.legs.get(leg.peer);
    if (peer?.peer === uuid) peer.peer = undefined;
    if (leg) leg.peer = undefined;
  }

  #hold(uuid: string, held: boolean): void {
    const call = this.#registry.withLeg(uuid);
    const leg = call?.legs.get(uuid);
    if (!call || !leg || leg.held === held) return;
    leg.held = held;
    leg.heldAt = this.#now();
    this.emit("changed", call);
  }

  #hangUp(channel: Channel): void {
    const call = this.#registry.withLeg(channel.uuid);
    const leg = call?.legs.get(channel.uuid);
    if (!call || !leg) return;
    const talked = leg.answered && call.answeredAt !== undefined && !isHidden(leg) && !call.leaving.has(leg.user) && call.legsOf(leg.user).length === 1;
    // A lost one takes its peer along: the switch ends that leg, not the device.
    const lost = isLoss(channel.cause) || (!channel.byDevice && call.rescuing.size > 0 && !call.rescuing.has(leg.user) && channel.cause === "NORMAL_CLEARING");
    if (talked && lost && this.#rescues(leg.home) && (call.rescuing.size > 0 || call.users.size > 1)) this.#vanish(call, leg);
    this.#remove(call, leg, channel.cause, channel.disposition, channel.byDevice);
  }

  #remove(call: TrackedCall, leg: Leg, cause: string, disposition: string, byDevice = false): void {
    this.#registry.detach(call, leg);
    const conference = call.conference;
    if (conference && this.conferences.leave(conference, leg.uuid)) this.#conferenceChanged(conference);
    if (isHidden(leg)) return void this.emit("changed", call);
    // A real hang-up by a device of whoever was missing: they are not coming back.
    if (byDevice && cause === "NORMAL_CLEARING") call.rescuing.delete(leg.user);
    const talkers = call.legsOfTalkers;
    const unansweredCaller = leg.role === "caller" && call.answeredAt === undefined && talkers.every(({ role }) => role !== "caller");
    // A caller who is refused hears it from the far end: that cause is the reason, not the way in which this leg ended.
    const decisive = unansweredCaller && disposition !== "" && disposition !== "SUCCESS" && cause === "NORMAL_CLEARING" ? disposition : cause;
    const leaving = call.leaving.get(leg.user);
    if (unansweredCaller) return this.#end(call, decisive, leaving);
    const missing = [...call.rescuing.keys()].filter((user) => talkers.every((other) => other.user !== user));
    if (talkers.length === 0 && missing.length === 0) return this.#end(call, decisive, leaving === "transferred" ? undefined : leaving);
    // The last one who waited for somebody missing has hung up: what is left is legs of nobody.
    if (byDevice && missing.length + talkers.length > 0 && !call.rescuing.has(leg.user) && talkers.every(({ user }) => call.rescuing.has(user))) return this.#end(call, decisive, leaving);
    if (conference && talkers.every(({ user }) => user !== leg.user) && !call.rescuing.has(leg.user)) this.#depart(call, leg.user, leaving ?? "hung-up");
    this.#recognise(call);
    this.emit("changed", call);
  }

  #vanish(call: TrackedCall, { user, account, role }: Pick<Leg, "user" | "account" | "role">): void {
    if (call.rescuing.has(user)) return;
    call.rescuing.set(user, { since: this.#now(), account, role });
    this.#registry.markIncomplete(call);
    this.emit("vanished", call, user);
  }

  #depart(call: TrackedCall, user: string, reason: EndReason, parties: Pick<TrackedCall, "caller" | "callee"> = call): void {
    if (call.departed.has(user) || !parties.callee) return;
    call.departed.set(user, { at: this.#now(), reason, caller: parties.caller, callee: parties.callee });
    call.leaving.delete(user);
    this.emit("left", call, user);
  }

  /** After a transfer other people talk than at the beginning: they are the call's parties, and whoever is out has left. */
  #recognise(call: TrackedCall): void {
    if (call.answeredAt === undefined || !call.callee || call.conference) return;
    const answered = call.legsOfTalkers.filter((leg) => leg.answered);
    const users = [...new Set([...answered.map(({ user }) => user), ...call.rescuing.keys()])];
    for (const user of users) call.departed.delete(user);
    if (users.length !== 2 || answered.some(({ role }) => role === "barged-in")) return;
    if (users.includes(call.caller.user) && users.includes(call.callee.user)) return;
    const before = { caller: call.caller, callee: call.callee };
    // Whoever stays keeps their side.
    const [first, second] = users as [string, string];
    const caller = users.includes(call.caller.user) ? call.caller.user : first === call.callee.user ? second : first;
    const [from, to] = [this.#directory.find(caller), this.#directory.find(caller === first ? second : first)];
    if (!from || !to) return;
    call.caller = from;
    call.callee = to;
    for (const { user } of [before.caller, before.callee]) if (!users.includes(user)) this.#depart(call, user, call.leaving.get(user) ?? "transferred", before);
  }

  #end(call: TrackedCall, cause: string, reason?: EndReason): void {
    if (call.endedAt !== undefined) return;
    const left = [...call.legs.values()];
    for (const leg of left) this.#registry.detach(call, leg);
    call.rescuing.clear();
    call.endedAt = this.#now();
    const refusedForQuiet = call.answeredAt === undefined && call.callee !== undefined && cause !== "ORIGINATOR_CANCEL" && this.#directory.doNotDisturb(call.callee.user);
    call.reason = reason ?? (call.into === undefined ? refusedForQuiet ? "do-not-disturb" : endReasonOf(cause, call.answeredAt !== undefined) : "merged");
    this.#registry.remove(call);
    const asked = call.consults === undefined ? undefined : this.#registry.get(call.consults);
    if (asked?.consultation === call.id) {
      asked.consultation = undefined;
      this.emit("changed", asked);
    }
    this.emit("changed", call);
    if (call.answeredAt !== undefined) for (const leg of left) this.emit("orphan", leg);
  }

  /** A channel that the switch has: its events may have been missed. */
  #adopt(home: object, channel: Channel): void {
    this.#create(home, channel);
    const call = this.#registry.withLeg(channel.uuid);
    const leg = call?.legs.get(channel.uuid);
    if (!call || !leg) return;
    Object.assign(leg, { answered: channel.answered, held: channel.held, muted: channel.muted });
    if (channel.answered && (leg.role !== "caller" || !call.callee)) call.answeredAt ??= channel.answeredAt || this.#now();
    const missing = channel.missing.split("~")[0]!;
    if (missing !== "" && call.legsOf(missing).every(({ answered }) => !answered)) this.#vanish(call, { user: missing, account: channel.missing, role: leg.role === "caller" ? "callee" : "caller" });
    this.#recognise(call);
    this.emit("changed", call);
  }

  #takeCustom(home: object, event: SwitchEvent): void {
    switch (event["Event-Subclass"]) {
      case "conference::maintenance": {
        const change = this.conferences.take(home, event);
        if (!change) return;
        if (change.joined !== undefined) this.#enter(change.conference, change.joined);
        if (change.left !== undefined) this.#leave(change.left);
        return this.#conferenceChanged(change.conference);
      }
      case "valet_parking::info": return this.#park(String(event["Unique-ID"]), event.Action === "hold" ? Number(event["Valet-Extension"]) : undefined);
      case "houseline::call": return this.#notice(home, event);
    }
  }

  /** What another server, or this one, told about a call. */
  #notice(home: object, event: SwitchEvent): void {
    const call = this.#registry.get(String(event["Houseline-Call"]));
    const user = String(event["Houseline-Person"]);
    if (!call || !userName.safeParse(user).success) return;
    const reason = endReason.safeParse(event["Houseline-Reason"]).data;
    switch (event["Houseline-Subject"]) {
      case "rescuing": return this.markVanished(call, user);
      case "back": return this.markReturned(call, user);
      case "answer": case "hold": case "unhold": case "line": return void this.emit("ask", call, user, String(event["Houseline-Device"]), event["Houseline-Subject"], home);
      case "over": return reason && this.finish(call, reason);
      case "leaving": return reason && this.leaving(call, user, reason);
      case "muted": case "unmuted":
        for (const leg of call.legsOf(user)) this.markMuted(leg, call, event["Houseline-Subject"] === "muted");
    }
  }

  #enter(conference: Conference, uuid: string): void {
    const from = this.#registry.withLeg(uuid);
    const leg = from?.legs.get(uuid);
    if (!from || !leg) return;
    // The conference of a call that became one takes in legs of others, such as a consultation's.
    const call = this.#registry.get(callOfRoom(conference.name) ?? "") ?? from;
    call.conference = conference;
    if (call !== from) return this.#move(leg, from, call);
    call.answeredAt ??= this.#now();
    call.space = undefined;
    this.emit("changed", call);
  }

  #leave(uuid: string): void {
    const call = this.#registry.withLeg(uuid);
    if (call && call.legs.size === 1) call.conference = undefined;
  }

  #conferenceChanged(conference: Conference): void {
    this.emit("conference", conference);
    for (const call of this.all) if (call.conference === conference) this.emit("changed", call);
  }

  #park(uuid: string, space: number | undefined): void {
    const call = this.#registry.withLeg(uuid);
    if (!call || call.space === space) return;
    call.space = space;
    this.emit("changed", call);
  }
}

