import { z } from "zod";

/**
 * The control protocol: JSON text frames over one WebSocket (`/ws` of the application server).
 *
 * The client speaks first (`hello`, then `login` or `resume`); after that it sends requests, each answered once by a
 * response with the same `id`, and receives events numbered without gaps (`seq`), from 1 in every session.
 */
export const protocolVersion = 1;

/** Bounds on what either side accepts; a frame beyond them closes the socket with `closeCodes.tooBig`. */
export const limits = {
  /** Bytes of one frame from a client. */
  frameBytes: 16_384,
  /** Requests of one socket under way at once. */
  requestsInFlight: 32,
  /** Events kept for a session that may come back. */
  replayEvents: 1_000,
  /** Seconds that a session outlives its socket. */
  sessionGraceSeconds: 120,
  /** Sockets of one person at once. */
  socketsPerPerson: 10,
} as const;

/** WebSocket close codes (RFC 6455, 4000-4999: for applications). */
export const closeCodes = {
  /** The server is going: come back at once, to another release. */
  goingAway: 1001,
  /** A frame was larger than `limits.frameBytes`. */
  tooBig: 1009,
  /** A frame was not JSON, or not of the protocol. */
  badFrame: 4400,
  /** Not signed in within the deadline, or signed out by the server. */
  unauthorized: 4401,
  /** The reader was too slow: the queue to it reached its bound. */
  slowReader: 4408,
  /** The same session was taken over by a newer socket. */
  replaced: 4409,
  /** Too many sockets or requests. */
  tooMany: 4429,
} as const;

/** What people have as extensions and user names: kept narrow, since they come near ESL lines. */
export const userName = z.string().regex(/^[a-z][a-z0-9._-]{0,31}$/);
export const extension = z.string().regex(/^[0-9]{2,6}$/);
export const callId = z.string().regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);

export const presence = z.enum(["offline", "available", "ringing", "in-call", "do-not-disturb"]);
export type Presence = z.infer<typeof presence>;

export const person = z.object({ user: userName, name: z.string().max(80), extension, presence });
export type Person = z.infer<typeof person>;

/** Why a call ended, in the field's words; from the Q.850 cause of the leg that decided it. */
export const endReason = z.enum(["hung-up", "declined", "busy", "no-answer", "cancelled", "offline", "unknown-person", "do-not-disturb", "refused", "failed"]);
export type EndReason = z.infer<typeof endReason>;

export const callState = z.enum(["ringing", "answered", "held", "ended"]);
export type CallState = z.infer<typeof callState>;

/** A call of ours, seen the same by everyone in it. Times are milliseconds since the Unix epoch. */
export const call = z.object({
  id: callId,
  state: callState,
  caller: z.object({ user: userName, name: z.string(), extension }),
  callee: z.object({ user: userName, name: z.string(), extension }),
  startedAt: z.number(),
  answeredAt: z.number().optional(),
  endedAt: z.number().optional(),
  reason: endReason.optional(),
});
export type Call = z.infer<typeof call>;

/** What a browser needs to register with the switch: made for one session, revoked with it. */
export const sipAccount = z.object({
  /** WebSocket URL of the switch's slot, e.g. `wss://phone.example.com/sip/0`. */
  url: z.string(),
  /** SIP domain, e.g. `houseline.internal`. */
  domain: z.string(),
  /** Authentication name: the person's user name, `~`, and what is this session's own, e.g. `anna~k3f9`. */
  user: z.string(),
  password: z.string(),
  /** Which program answers there: shown to the person when it is not FreeSWITCH. */
  kind: z.enum(["freeswitch", "lab-switch"]),
});
export type SipAccount = z.infer<typeof sipAccount>;

export const errorCode = z.enum(["bad-request", "unauthorized", "not-found", "too-many", "unavailable", "internal", "version"]);
export type ErrorCode = z.infer<typeof errorCode>;

export const hello = z.object({ type: z.literal("hello"), version: z.number().int(), client: z.string().max(80) });

/** Requests by name: what is sent (`params`) and what comes back (`result`). */
export const requests = {
  /** Signs in with a password. Rate limited per account and address. */
  login: {
    params: z.object({ user: userName, password: z.string().min(1).max(200) }),
    result: z.object({ session: z.string(), resumeToken: z.string(), me: person, people: z.array(person), calls: z.array(call), sip: sipAccount.nullable() }),
  },
  /** Takes a session up again after its socket was lost; events after `lastSeq` follow. `not-found`: sign in again. */
  resume: {
    params: z.object({ resumeToken: z.string().max(200), lastSeq: z.number().int().nonnegative() }),
    result: z.object({ session: z.string(), resumeToken: z.string(), me: person, people: z.array(person), calls: z.array(call), sip: sipAccount.nullable() }),
  },
  /** Ends the session and revokes its SIP account. */
  logout: { params: z.object({}), result: z.object({}) },
  /** Sets do not disturb on or off. */
  setDoNotDisturb: { params: z.object({ on: z.boolean() }), result: z.object({ me: person }) },
  /** Ends a call that the person takes part in. */
  hangup: { params: z.object({ call: callId }), result: z.object({}) },
  /** Answers at once: measures the way there and back. */
  ping: { params: z.object({}), result: z.object({}) },
} as const;

export type RequestName = keyof typeof requests;
export type Params<N extends RequestName> = z.infer<(typeof requests)[N]["params"]>;
export type Result<N extends RequestName> = z.infer<(typeof requests)[N]["result"]>;

/** Events by name. */
export const events = {
  /** Somebody's presence or name changed, or somebody new came. */
  person: z.object({ person }),
  /** A call of this person's is new or has changed. */
  call: z.object({ call }),
  /** The switch to register with changed, or (null) there is none at the moment. */
  sip: z.object({ sip: sipAccount.nullable() }),
  /** This release is going; the socket closes with `goingAway` after `delayMs`. */
  goodbye: z.object({ delayMs: z.number() }),
} as const;

export type EventName = keyof typeof events;
export type EventData<N extends EventName> = z.infer<(typeof events)[N]>;

/** Frames from a client after `hello`. */
export const clientFrame = z.object({ type: z.literal("request"), id: z.number().int().nonnegative(), name: z.string().max(40), params: z.unknown() });

/** Frames from the server. */
export const serverFrame = z.discriminatedUnion("type", [
  z.object({ type: z.literal("hello"), version: z.number().int(), server: z.string() }),
  z.object({ type: z.literal("response"), id: z.number().int(), result: z.unknown() }),
  z.object({ type: z.literal("error"), id: z.number().int().nullable(), code: errorCode, message: z.string() }),
  z.object({ type: z.literal("event"), seq: z.number().int().positive(), name: z.enum(Object.keys(events) as [EventName, ...EventName[]]), data: z.unknown() }),
]);
export type ServerFrame = z.infer<typeof serverFrame>;
