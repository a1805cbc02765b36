import type { Call } from "../protocol/wire.ts";
import type { CallDirection, CallEndReason, EndedBy } from "./end-reason.ts";

/** What a call looks like from here. `dialling`: asked for, the other side does not ring yet. */
export type PhoneCallState = "dialling" | "ringing" | "answered" | "held" | "ended";

type Side = "me" | "peer";

/**
 * A call as two witnesses tell it. The SIP session is the truth about this leg (answered, held here, over); the
 * application server knows both legs: that the other side holds, and why it ended.
 */
export interface CallFacts {
  readonly direction: CallDirection;
  readonly phase: "dialling" | "ringing" | "answered" | "ended";
  readonly heldByMe: boolean;
  readonly heldByPeerInSip: boolean;
  /** Whom the server's word "held" is about: it does not say, so whoever held when the word came. */
  readonly heldInControl: Side | undefined;
  readonly answered: boolean;
  readonly end: { readonly reason: CallEndReason; readonly by: EndedBy } | undefined;
}

export type CallFact =
  | { type: "progress" }
  | { type: "accepted" }
  | { type: "hold" | "unhold"; by: Side }
  | { type: "ended"; reason: CallEndReason; by: EndedBy }
  | { type: "control"; call: Pick<Call, "state" | "reason"> };

export function newCall(direction: CallDirection): CallFacts {
  return { direction, phase: direction === "incoming" ? "ringing" : "dialling", heldByMe: false, heldByPeerInSip: false, heldInControl: undefined, answered: false, end: undefined };
}

/** Takes one fact in. The same object comes back when it changes nothing. */
export function learn(facts: CallFacts, fact: CallFact): CallFacts {
  if (fact.type === "control") return learnFromControl(facts, fact.call);
  if (facts.phase === "ended") return facts;
  switch (fact.type) {
    case "progress":
      return facts.phase === "dialling" ? { ...facts, phase: "ringing" } : facts;
    case "accepted":
      return facts.answered ? facts : { ...facts, phase: "answered", answered: true };
    case "hold":
    case "unhold":
      return fact.by === "me" ? { ...facts, heldByMe: fact.type === "hold" } : { ...facts, heldByPeerInSip: fact.type === "hold" };
    case "ended":
      return { ...facts, phase: "ended", end: { reason: fact.reason, by: fact.by } };
  }
}

function learnFromControl(facts: CallFacts, { state, reason }: Pick<Call, "state" | "reason">): CallFacts {
  if (state === "ended") return learnReason(facts, reason);
  if (facts.phase === "ended") return facts;
  if (state === "held") return facts.heldInControl ? facts : { ...facts, heldInControl: facts.heldByMe ? "me" : "peer" };
  const phase = state === "ringing" && facts.phase === "dialling" ? "ringing" : facts.phase;
  return phase === facts.phase && !facts.heldInControl ? facts : { ...facts, phase, heldInControl: undefined };
}

/** The server's reason is about the whole call; what only this device knows stays. */
function learnReason(facts: CallFacts, reason: Call["reason"]): CallFacts {
  if (!facts.end || !reason || facts.end.reason === reason || isLocal(facts.end.reason)) return facts;
  // Whoever cancelled before an answer did not decline, whatever cause the switch gave its other leg.
  if (facts.end.by === "me" && !facts.answered) return facts;
  return { ...facts, end: { ...facts.end, reason } };
}

function isLocal(reason: CallEndReason): boolean {
  return reason === "answered-elsewhere" || reason === "no-microphone" || reason === "connection-lost";
}

export function stateOf(facts: CallFacts): PhoneCallState {
  return facts.phase === "answered" && heldBy(facts) ? "held" : facts.phase;
}

export function heldBy(facts: CallFacts): Side | "both" | undefined {
  const peer = facts.heldByPeerInSip || facts.heldInControl === "peer";
  if (facts.heldByMe) return peer ? "both" : "me";
  return peer ? "peer" : undefined;
}
