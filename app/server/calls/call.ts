import type { Call, CallState, EndReason, Participant, Party } from "../../protocol/wire.ts";
import type { Conference } from "./conference.ts";

export type { Party } from "../../protocol/wire.ts";
export type Role = Participant["role"];

/** One connection of the switch to one device. */
export interface Leg {
  readonly uuid: string;
  readonly user: string;
  /** `inbound`: the device called the switch. */
  readonly direction: "inbound" | "outbound";
  /** The switch that has it. */
  readonly home: object;
  readonly role: Role;
  /** The device's account (`anna~k3f9`) and the user part of its contact, as far as the switch says them. */
  account: string;
  instance: string;
  answered: boolean;
  /** Its device has put the call on hold: the others hear music. */
  held: boolean;
  /** Since when, or since when no longer. */
  heldAt: number;
  /** Its voice was switched off for the others, by this server. */
  muted: boolean;
  /** The leg that it talks to, and since when. */
  peer: string | undefined;
  bridgedAt: number;
}

/** Roles of a supervisor who is not heard by everybody: named to supervisors alone. */
const hidden: ReadonlySet<Role> = new Set(["listening", "whispering"]);
export const isHidden = ({ role }: Pick<Leg, "role">) => hidden.has(role);

/** Finds the public id of the device that has an account. */
export type DeviceOf = (account: string) => string | undefined;

/** A call of ours: who talks to whom, over which legs (docs/calls.md). Its id is the Unique-ID of the leg that began it, so that every server knows it by the same. */
export class TrackedCall {
  readonly id: string;
  readonly startedAt: number;
  /** Call-ID of the INVITE by which a device began it; undefined when a server did. */
  sipCallId: string | undefined;
  readonly legs = new Map<string, Leg>();
  caller: Party;
  /** Undefined for an echo test, a number that nobody has. */
  callee: Party | undefined;
  answeredAt: number | undefined;
  endedAt: number | undefined;
  reason: EndReason | undefined;
  /** The conference in which it takes place. */
  conference: Conference | undefined;
  space: number | undefined;
  /** The call for which this one asks, in an attended transfer. */
  consults: string | undefined;
  /** The call by which somebody in this one asks. */
  consultation: string | undefined;
  into: string | undefined;
  /** Who vanished, since when, and with which account: they may come back. */
  readonly rescuing = new Map<string, { since: number; account: string; role: Role }>();
  /** Why somebody is about to leave, told before their leg ends. */
  readonly leaving = new Map<string, EndReason>();
  /** Who left a call that went on. */
  readonly departed = new Map<string, { at: number; reason: EndReason; caller: Party; callee: Party }>();
  /** The switch in which it was last. */
  home: object;

  constructor(id: string, home: object, caller: Party, callee: Party | undefined, startedAt: number) {
    this.id = id;
    this.home = home;
    this.caller = caller;
    this.callee = callee;
    this.startedAt = startedAt;
  }

  get state(): CallState {
    if (this.endedAt !== undefined) return "ended";
    if (this.answeredAt === undefined) return "ringing";
    if (this.rescuing.size > 0) return "rescuing";
    if (this.space !== undefined) return "parked";
    for (const leg of this.legs.values()) if (leg.held && !isHidden(leg)) return "held";
    return "answered";
  }

  /** Everyone who takes part in it, whether or not they have answered; hidden supervisors don't. */
  get users(): Set<string> {
    const users = new Set<string>();
    for (const leg of this.legs.values()) if (!isHidden(leg)) users.add(leg.user);
    for (const user of this.rescuing.keys()) users.add(user);
    for (const party of [this.caller, this.callee]) if (party && !this.departed.has(party.user)) users.add(party.user);
    return users;
  }

  get legsOfTalkers(): Leg[] {
    return [...this.legs.values()].filter((leg) => !isHidden(leg));
  }

  /** Legs of one person, the answered first. */
  legsOf(user: string): Leg[] {
    return this.legsOfTalkers.filter((leg) => leg.user === user).sort((a, b) => Number(b.answered) - Number(a.answered));
  }

  /** As the protocol has it, or undefined when there is nobody at the other end. */
  view(participants: Participant[] = []): Call | undefined {
    if (!this.callee) return undefined;
    return {
      id: this.id, state: this.state, caller: this.caller, callee: this.callee, participants, startedAt: this.startedAt,
      ...(this.sipCallId === undefined ? {} : { sipCallId: this.sipCallId }),
      ...(this.conference === undefined ? {} : { room: this.conference.name }),
      ...(this.space === undefined ? {} : { space: this.space }),
      ...(this.consultation === undefined ? {} : { consultation: this.consultation }),
      ...(this.answeredAt === undefined ? {} : { answeredAt: this.answeredAt }),
      ...(this.endedAt === undefined ? {} : { endedAt: this.endedAt }),
      ...(this.reason === undefined ? {} : { reason: this.reason }),
      ...(this.into === undefined ? {} : { into: this.into }),
    };
  }

  /** As somebody sees it who has left it: for them it is over. */
  viewOfDeparted(user: string): Call | undefined {
    const left = this.departed.get(user);
    const view = left && this.view();
    return view && { ...view, state: "ended", caller: left.caller, callee: left.callee, endedAt: left.at, reason: left.reason };
  }
}
