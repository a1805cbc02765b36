import { EventEmitter } from "node:events";
import { callId as callIdSchema, userName } from "../../protocol/wire.ts";
import type { SwitchEvent } from "../switch/esl-link.ts";
import type { ChannelRow } from "../switch/remote-switch.ts";
import { TrackedCall, type Leg, type Party } from "./call.ts";
import { endReasonOf } from "./reason.ts";

/** Who people are: what a call tracker has to ask. */
export interface Directory {
  /** Somebody by user name or extension. */
  find(address: string): Party | undefined;
  doNotDisturb(user: string): boolean;
}

interface CallsEvents {
  /** A call is new, changed or has ended. */
  changed: [call: TrackedCall];
}

/** Calls at once, over all switches; more are not followed. */
const mostCalls = 20_000;

/** Follows every call of every switch by its events, and rebuilds what it missed from the list of channels. */
export class Calls extends EventEmitter<CallsEvents> {
  readonly #directory: Directory;
  readonly #now: () => number;
  readonly #calls = new Map<string, TrackedCall>();
  /** Which call a leg belongs to. */
  readonly #byLeg = new Map<string, TrackedCall>();
  /** Which switch a call is in, by whatever its owner gives. */
  readonly #home = new WeakMap<TrackedCall, object>();

  constructor(directory: Directory, now: () => number = Date.now) {
    super();
    this.#directory = directory;
    this.#now = now;
  }

  get all(): readonly TrackedCall[] {
    return [...this.#calls.values()];
  }

  /** A call in progress. */
  get(id: string): TrackedCall | undefined {
    return this.#calls.get(id);
  }

  of(user: string): TrackedCall[] {
    return this.all.filter((call) => call.users.has(user));
  }

  /** The switch that has a call, as it was given with its events. */
  homeOf(call: TrackedCall): object | undefined {
    return this.#home.get(call);
  }

  /** What somebody's calls make of them. */
  presenceOf(user: string): "in-call" | "ringing" | undefined {
    let ringing = false;
    for (const call of this.#calls.values()) {
      for (const leg of call.legs.values()) {
        if (leg.user !== user) continue;
        if (leg.answered || leg.direction === "inbound") return "in-call";
        ringing = true;
      }
    }
    return ringing ? "ringing" : undefined;
  }

  /** Takes in one channel event of a switch. */
  take(home: object, event: SwitchEvent): void {
    const uuid = text(event["Unique-ID"]);
    if (!callIdSchema.safeParse(uuid).success) return;
    switch (event["Event-Name"]) {
      case "CHANNEL_CREATE": return this.#create(home, uuid, event);
      case "CHANNEL_ANSWER": return this.#answer(uuid);
      case "CHANNEL_BRIDGE": return this.#bridge(uuid, text(event["Other-Leg-Unique-ID"]));
      case "CHANNEL_HOLD": return this.#hold(uuid, true);
      case "CHANNEL_UNHOLD": return this.#hold(uuid, false);
      case "CHANNEL_HANGUP_COMPLETE": return this.#hangUp(uuid, text(event["Hangup-Cause"]), text(event["variable_originate_disposition"]));
    }
  }

  /** Takes a switch's list of channels for the truth: what it doesn't have has ended meanwhile. */
  resynchronise(home: object, rows: readonly ChannelRow[]): void {
    const known = new Set(rows.map(({ uuid }) => uuid));
    for (const call of this.all) {
      if (this.#home.get(call) !== home) continue;
      for (const uuid of [...call.legs.keys()]) if (!known.has(uuid)) this.#hangUp(uuid, "NETWORK_OUT_OF_ORDER", "");
    }
    for (const row of [...rows].sort((a, b) => Number(a.created_epoch) - Number(b.created_epoch) || a.direction.localeCompare(b.direction))) this.#adopt(home, row);
  }

  /** A switch is gone, with every call in it. */
  lose(home: object): void {
    for (const call of this.all) if (this.#home.get(call) === home) this.#end(call, "NETWORK_OUT_OF_ORDER");
  }

  #create(home: object, uuid: string, event: SwitchEvent): void {
    if (this.#byLeg.has(uuid)) return;
    const other = this.#byLeg.get(text(event["Other-Leg-Unique-ID"]));
    if (event["Call-Direction"] === "inbound") {
      const caller = this.#directory.find(userOf(text(event.variable_sip_auth_username)));
      if (caller) this.#begin(home, uuid, caller, text(event["Caller-Destination-Number"]));
    } else if (other) {
      const callee = this.#directory.find(userOf(text(event["Channel-Presence-ID"])) || text(event.variable_dialed_user));
      if (callee) this.#join(other, { uuid, user: callee.user, direction: "outbound", answered: false, held: false });
    }
  }

  #begin(home: object, uuid: string, caller: Party, destination: string, startedAt = this.#now()): TrackedCall | undefined {
    if (this.#calls.size >= mostCalls) return undefined;
    const call = new TrackedCall(uuid, caller, this.#directory.find(destination), startedAt);
    this.#calls.set(uuid, call);
    this.#home.set(call, home);
    this.#join(call, { uuid, user: caller.user, direction: "inbound", answered: false, held: false });
    return call;
  }

  #join(call: TrackedCall, leg: Leg): void {
    call.legs.set(leg.uuid, leg);
    this.#byLeg.set(leg.uuid, call);
    this.emit("changed", call);
  }

  #answer(uuid: string): void {
    const call = this.#byLeg.get(uuid);
    const leg = call?.legs.get(uuid);
    if (!call || !leg || leg.answered) return;
    leg.answered = true;
    // The call is answered when a called device is; a room or an echo test answers the caller itself.
    if (leg.direction === "outbound" || !call.callee) call.answeredAt ??= this.#now();
    this.#recognise(call);
    this.emit("changed", call);
  }

  /** Two legs talk to each other: after a transfer they may come from different calls, and then are one. */
  #bridge(one: string, other: string): void {
    const call = this.#byLeg.get(one);
    const second = this.#byLeg.get(other);
    if (!call || !second || call === second) return;
    const leg = second.legs.get(other)!;
    second.legs.delete(other);
    call.legs.set(other, leg);
    this.#byLeg.set(other, call);
    call.answeredAt ??= this.#now();
    this.#recognise(call);
    if (second.legs.size === 0) this.#end(second, "ATTENDED_TRANSFER");
    else {
      this.#recognise(second);
      this.emit("changed", second);
    }
    this.emit("changed", call);
  }

  #hold(uuid: string, held: boolean): void {
    const call = this.#byLeg.get(uuid);
    const leg = call?.legs.get(uuid);
    if (!call || !leg || leg.held === held) return;
    leg.held = held;
    this.emit("changed", call);
  }

  #hangUp(uuid: string, cause: string, disposition: string): void {
    const call = this.#byLeg.get(uuid);
    const leg = call?.legs.get(uuid);
    if (!call || !leg) return;
    call.legs.delete(uuid);
    this.#byLeg.delete(uuid);
    const unansweredCaller = leg.direction === "inbound" && call.answeredAt === undefined;
    // A caller who is refused hears it from the far end: that cause is the reason, not the way in which this leg ended.
    const decisive = unansweredCaller && disposition !== "" && disposition !== "SUCCESS" && cause === "NORMAL_CLEARING" ? disposition : cause;
    if (unansweredCaller || call.legs.size === 0) return this.#end(call, decisive);
    if (call.answeredAt !== undefined) this.#recognise(call);
    this.emit("changed", call);
  }

  /** After a transfer other people talk than at the beginning. */
  #recognise(call: TrackedCall): void {
    if (call.answeredAt === undefined || !call.callee) return;
    const answered = [...call.legs.values()].filter((leg) => leg.answered);
    const [first, second] = answered;
    if (!first || !second || answered.length !== 2) return;
    const users = new Set([first.user, second.user]);
    if (users.has(call.caller.user) && users.has(call.callee.user)) return;
    const stays = users.has(call.callee.user) ? second : first;
    const caller = this.#directory.find(users.has(call.caller.user) ? call.caller.user : stays === first ? first.user : (first.user === call.callee.user ? second.user : first.user));
    const callee = this.#directory.find(caller?.user === first.user ? second.user : first.user);
    if (!caller || !callee) return;
    call.caller = caller;
    call.callee = callee;
  }

  #end(call: TrackedCall, cause: string): void {
    if (call.endedAt !== undefined) return;
    for (const uuid of call.legs.keys()) this.#byLeg.delete(uuid);
    call.legs.clear();
    call.endedAt = this.#now();
    const refusedForQuiet = call.answeredAt === undefined && call.callee !== undefined && cause !== "ORIGINATOR_CANCEL" && this.#directory.doNotDisturb(call.callee.user);
    call.reason = refusedForQuiet ? "do-not-disturb" : endReasonOf(cause, call.answeredAt !== undefined);
    this.#calls.delete(call.id);
    this.emit("changed", call);
  }

  /** A channel from the list: its events were missed. */
  #adopt(home: object, row: ChannelRow): void {
    if (this.#byLeg.has(row.uuid) || !callIdSchema.safeParse(row.uuid).success) return;
    const answered = row.callstate === "ACTIVE" || row.callstate === "HELD";
    const startedAt = Number(row.created_epoch) * 1_000 || this.#now();
    if (row.direction === "inbound") {
      // The far end of a call that another switch has: its caller's leg is there.
      if (row.name?.startsWith("sofia/mesh/")) return;
      const caller = this.#directory.find(userOf(row.presence_id)) ?? this.#directory.find(row.cid_num);
      const call = caller && this.#begin(home, row.uuid, caller, row.dest, startedAt);
      if (call && answered && !call.callee) call.answeredAt = startedAt;
      const leg = call?.legs.get(row.uuid);
      if (leg) Object.assign(leg, { answered, held: row.callstate === "HELD" });
      if (call) this.emit("changed", call);
      return;
    }
    const call = this.#calls.get(row.call_uuid) ?? this.#byLeg.get(row.call_uuid);
    const callee = this.#directory.find(userOf(row.presence_id));
    if (!call || !callee) return;
    this.#join(call, { uuid: row.uuid, user: callee.user, direction: "outbound", answered, held: row.callstate === "HELD" });
    call.callee ??= callee;
    if (answered) call.answeredAt ??= startedAt;
    this.emit("changed", call);
  }
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** `anna~k3f9` and `anna@example.com` are anna. */
function userOf(address: string): string {
  const user = address.split(/[~@]/)[0] ?? "";
  return userName.safeParse(user).success ? user : "";
}
