import type { Call } from "../protocol/wire.ts";
import { sideOf } from "./call-match.ts";
import type { Ending } from "./end-reason.ts";
import { describeEnd } from "./end-sentence.ts";
import type { Language } from "./end-sentence.ts";
import type { Peer, PhoneCall } from "./phone-call.ts";

/** A call that is over, also one that never rang here. */
export interface EndedCall {
  key: string;
  peer: Peer;
  ending: Ending;
  /** Why it ended, in a sentence. */
  reason: string;
  missed: boolean;
  startedAt: number;
  /** Milliseconds from answer to end; 0 when it was not answered. */
  durationMs: number;
}

export function endedCall(call: PhoneCall): EndedCall | undefined {
  const { ending, reason, endedAt } = call;
  if (!ending || !reason) return undefined;
  const durationMs = ending.answered && call.answeredAt !== undefined && endedAt !== undefined ? endedAt - call.answeredAt : 0;
  return { key: call.key, peer: call.peer, ending, reason, missed: call.missed, startedAt: call.startedAt, durationMs };
}

/** A call to this person that never rang here: while offline, not to be disturbed or disconnected. */
export function unheardCall(call: Call, me: string, language: Language): EndedCall | undefined {
  const side = sideOf(call, me);
  if (side?.direction !== "incoming" || !call.reason || call.answeredAt !== undefined) return undefined;
  const ending: Ending = { reason: call.reason, by: "system", direction: "incoming", name: side.peer.name, answered: false };
  return { key: call.id, peer: side.peer, ending, reason: describeEnd(ending, language), missed: call.reason !== "declined", startedAt: call.startedAt, durationMs: 0 };
}
