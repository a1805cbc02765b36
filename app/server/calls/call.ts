import type { Call, CallState, EndReason } from "../../protocol/wire.ts";

/** One connection of the switch to one device. */
export interface Leg {
  uuid: string;
  user: string;
  /** `inbound`: the device called the switch. */
  direction: "inbound" | "outbound";
  answered: boolean;
  held: boolean;
}

/** Somebody as a call names them. */
export type Party = Call["caller"];

/** A call of ours: who talks to whom, over which legs. Its id is the Unique-ID of the leg that began it, so that every server knows it by the same. */
export class TrackedCall {
  readonly id: string;
  readonly startedAt: number;
  readonly legs = new Map<string, Leg>();
  caller: Party;
  /** Undefined for a room, an echo test, a number that nobody has. */
  callee: Party | undefined;
  answeredAt: number | undefined;
  endedAt: number | undefined;
  reason: EndReason | undefined;

  constructor(id: string, caller: Party, callee: Party | undefined, startedAt: number) {
    this.id = id;
    this.caller = caller;
    this.callee = callee;
    this.startedAt = startedAt;
  }

  get state(): CallState {
    if (this.endedAt !== undefined) return "ended";
    if (this.answeredAt === undefined) return "ringing";
    return [...this.legs.values()].some(({ held }) => held) ? "held" : "answered";
  }

  /** Everyone who takes part in it, whether or not they have answered. */
  get users(): Set<string> {
    const users = new Set([...this.legs.values()].map(({ user }) => user));
    users.add(this.caller.user);
    if (this.callee) users.add(this.callee.user);
    return users;
  }

  /** As the protocol has it, or undefined when there is nobody at the other end. */
  view(): Call | undefined {
    if (!this.callee) return undefined;
    return {
      id: this.id, state: this.state, caller: this.caller, callee: this.callee, startedAt: this.startedAt,
      ...(this.answeredAt === undefined ? {} : { answeredAt: this.answeredAt }),
      ...(this.endedAt === undefined ? {} : { endedAt: this.endedAt }),
      ...(this.reason === undefined ? {} : { reason: this.reason }),
    };
  }
}
