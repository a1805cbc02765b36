import type { Call } from "../protocol/wire.ts";
import type { CallDirection, CallEndReason, EndedBy } from "./end-reason.ts";

/**
 * What a call looks like from here. `dialling`: asked for, the other side does not ring yet. `rescuing`: one of the two
 * lost their page, network or switch, and the call waits for them.
 */
export type PhoneCallState = "dialling" | "ringing" | "answered" | "held" | "rescuing" | "ended";

export type Side = "me" | "peer";

/**
 * A call as two witnesses tell it. The SIP session is the truth about this leg (answered, held here, over); the
 * application server knows every leg: that the other side holds, that somebody vanished, and why the call ended.
 */
export interface CallFacts {
  readonly direction: CallDirection;
  readonly phase: "dialling" | "ringing" | "answered" | "ended";
  readonly heldByMe: boolean;
  readonly heldByPeerInSip: boolean;
  /** Who holds, in the server's words; where it only says that the call is held, whoever held when the word came. */
  readonly heldInControl: Side | "both" | undefined;
  /** This device has no leg that works: it waits for a new one. */
  readonly legLost: boolean;
  /** Whom the server waits for. */
  readonly rescuedInControl: Side | undefined;
  readonly answered: boolean;
  readonly end: { readonly reason: CallEndReason; readonly by: EndedBy } | undefined;
}

export type CallFact =
  | { type: "progress" }
  | { type: "accepted" }
  | { type: "hold" | "unhold"; by: Side }
  /** The leg broke off, or ended while the server says that the call goes on. */
  | { type: "lost" }
  | { type: "ended"; reason: CallEndReason; by: EndedBy }
  /** The call goes on at another device of this person's. */
  | { type: "moved" }
  /** `rescued`: whom the server waits for, when its state is `rescuing`. `holds`: who holds, where the server says it. */
  | { type: "control"; call: Pick<Call, "state" | "reason">; rescued?: Side | undefined; holds?: Side | "both" | undefined };

export function newCall(direction: CallDirection): CallFacts {
  return {
    direction, phase: direction === "incoming" ? "ringing" : "dialling", heldByMe: false, heldByPeerInSip: false, heldInControl: undefined,
    legLost: false, rescuedInControl: undefined, answered: false, end: undefined,
  };
}

/** Takes one fact in. The same object comes back when it changes nothing. */
export function learn(facts: CallFacts, fact: CallFact): CallFacts {
  if (fact.type === "control") return learnFromControl(facts, fact);
  if (fact.type === "moved") return learnMoved(facts);
  if (facts.phase === "ended") return facts;
  switch (fact.type) {
    case "progress":
      return facts.phase === "dialling" ? { ...facts, phase: "ringing" } : facts;
    case "accepted":
      if (facts.answered && !facts.legLost && facts.rescuedInControl !== "me") return facts;
      return { ...facts, phase: "answered", answered: true, legLost: false, rescuedInControl: facts.rescuedInControl === "peer" ? "peer" : undefined, heldByPeerInSip: false };
    case "hold":
    case "unhold":
      return fact.by === "me" ? { ...facts, heldByMe: fact.type === "hold" } : { ...facts, heldByPeerInSip: fact.type === "hold" };
    case "lost":
      // A new leg begins without hold, whoever held the old one.
      return facts.legLost ? facts : { ...facts, phase: "answered", answered: true, legLost: true, heldByMe: false, heldByPeerInSip: false, heldInControl: undefined };
    case "ended":
      return { ...facts, phase: "ended", end: { reason: fact.reason, by: fact.by } };
  }
}

function learnFromControl(facts: CallFacts, { call: { state, reason }, rescued, holds }: Extract<CallFact, { type: "control" }>): CallFacts {
  if (state === "ended") return learnReason(facts, reason);
  if (facts.phase === "ended") return facts;
  const phase = state === "ringing" && facts.phase === "dialling" ? "ringing" : facts.phase;
  const heldInControl = state === "held" || state === "parked" ? holds ?? facts.heldInControl ?? (facts.heldByMe ? "me" : "peer") : undefined;
  const rescuedInControl = state === "rescuing" ? rescued : undefined;
  if (phase === facts.phase && heldInControl === facts.heldInControl && rescuedInControl === facts.rescuedInControl) return facts;
  return { ...facts, phase, heldInControl, rescuedInControl };
}

/** The server's reason is about the whole call; what only this device knows stays. */
function learnReason(facts: CallFacts, reason: Call["reason"]): CallFacts {
  if (!facts.end || !reason || facts.end.reason === reason || isLocal(facts.end.reason)) return facts;
  // Whoever cancelled before an answer did not decline, whatever cause the switch gave its other leg.
  if (facts.end.by === "me" && !facts.answered) return facts;
  return { ...facts, end: { ...facts.end, reason } };
}

function learnMoved(facts: CallFacts): CallFacts {
  if (facts.end && (facts.end.by === "me" || isLocal(facts.end.reason))) return facts;
  return { ...facts, phase: "ended", end: { reason: facts.answered ? "moved" : "answered-elsewhere", by: "system" } };
}

const localReasons: readonly CallEndReason[] = ["answered-elsewhere", "moved", "parked", "no-microphone", "connection-lost"];

function isLocal(reason: CallEndReason): boolean {
  return localReasons.includes(reason);
}

export function stateOf(facts: CallFacts): PhoneCallState {
  if (facts.phase !== "answered") return facts.phase;
  if (waitsFor(facts)) return "rescuing";
  return heldBy(facts) ? "held" : "answered";
}

/** Whom the call waits for, while somebody is cut off. */
export function waitsFor(facts: CallFacts): Side | undefined {
  return facts.legLost ? "me" : facts.rescuedInControl;
}

export function heldBy(facts: CallFacts): Side | "both" | undefined {
  const told = facts.heldInControl;
  // A switch that this person's hold was asked of tells this device by a hold from the other side.
  const peer = (facts.heldByPeerInSip && told !== "me") || told === "peer" || told === "both";
  const me = facts.heldByMe || (facts.heldByPeerInSip && told === "me") || told === "both";
  if (me) return peer ? "both" : "me";
  return peer ? "peer" : undefined;
}
