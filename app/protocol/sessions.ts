import { z } from "zod";
import { call } from "./calls.ts";
import { time } from "./names.ts";
import { person, profile } from "./people.ts";

/** A relay for media (TURN, RFC 8656), for a browser whose network lets no UDP out. Good until `expiresAt`; a new one comes in time, as a `sip` event. */
export const turnServer = z.object({
  urls: z.array(z.string().regex(/^turns?:[^\s"'<>]+$/).max(500)).min(1).max(4).describe("as RTCIceServer has them, e.g. turns:switch.example.com:5349?transport=tcp"),
  username: z.string().max(200).describe("the second at which it ends (Unix time), ':', and the SIP account's authentication name"),
  credential: z.string().max(100),
  expiresAt: time,
});
export type TurnServer = z.infer<typeof turnServer>;

/** What a browser needs to register with the switch: made for one session, revoked with it. */
export const sipAccount = z.object({
  url: z.string().describe("WebSocket URL of the switch's slot, e.g. wss://phone.example.com/sip/0"),
  domain: z.string().describe("SIP domain, e.g. houseline.internal"),
  user: z.string().describe("authentication name: the person's user name, '~', and what is this session's own, e.g. anna~k3f9"),
  password: z.string(),
  kind: z.enum(["freeswitch", "lab-switch"]).describe("which program answers there: shown to the person when it is not FreeSWITCH"),
  turn: turnServer.optional().describe("how media gets to the switch where UDP is blocked; absent when the stack has no relay"),
});
export type SipAccount = z.infer<typeof sipAccount>;

/** Everything a client has to know, after signing in and after every return. */
export const snapshot = z.object({
  session: z.string().describe("its public id, which is the id of this device"),
  resumeToken: z.string(),
  replayed: z.boolean().optional().describe("after a return: whether every missed event follows or has come; false: start over from this snapshot"),
  me: person,
  profile: profile.optional(),
  people: z.array(person).optional().describe("left out after a return of a device that knows them, when they are as it was told"),
  calls: z.array(call).describe("in progress, and those that ended a moment ago"),
  sip: sipAccount.nullable(),
  servers: z.array(z.string().regex(/^wss?:\/\/[^\s"'<>]+$/).max(500)).max(8).optional().describe("control WebSockets of the stack's application servers, the one that answers first, where there are several: a client whose server is gone resumes at another"),
});
export type Snapshot = z.infer<typeof snapshot>;
