import type { Call } from "../protocol/wire.ts";
import type { CallDirection } from "./end-reason.ts";

/** A SIP session of this page that may or may not know its call in the application server yet. */
export interface MatchCandidate {
  readonly direction: CallDirection;
  /** User name or extension, as dialled or as the From header had it. */
  readonly address: string;
  /** The server's id of the call once it is known. */
  readonly callId: string | undefined;
  /** Whether this page began it by the INVITE with this Call-ID. */
  begunBy(sipCallId: string): boolean;
}

/** Which side of a call somebody is on, and who is on the other; nothing for a call of others, or one of several that they joined later. */
export function sideOf(call: Call, me: string): { direction: CallDirection; peer: Call["caller"] } | undefined {
  if (call.caller.user === me) return { direction: "outgoing", peer: call.callee };
  if (call.callee.user === me) return { direction: "incoming", peer: call.caller };
  return undefined;
}

/**
 * Finds the session of this page that a call of the server's is about: by its id (`X-Houseline-Call` says it of a call that comes in), or by the
 * Call-ID with which it was begun here. A server of an older release tells no Call-ID: then it is the oldest session that called the same person and
 * has no call yet, unless the call is over, which may be one from before.
 */
export function sessionFor<Candidate extends MatchCandidate>(call: Call, me: string, sessions: Iterable<Candidate>): Candidate | undefined {
  const candidates = [...sessions];
  const exact = candidates.find((session) => session.callId === call.id);
  if (exact || call.caller.user !== me) return exact;
  const unknown = candidates.filter((session) => session.callId === undefined && session.direction === "outgoing");
  const { sipCallId } = call;
  if (sipCallId !== undefined) return unknown.find((session) => session.begunBy(sipCallId));
  return call.state === "ended" ? undefined : unknown.find((session) => isAddressOf(session.address, call.callee, call.room));
}

/** A room is dialled as `room-blue` or by its number. */
function isAddressOf(address: string, peer: Call["caller"], room: string | undefined): boolean {
  return address === peer.user || (address === peer.extension && address !== "") || (room !== undefined && address === `room-${room}`);
}
