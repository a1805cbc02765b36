import { z } from "zod";
import { callId, deviceId, extension, parkingSpace, roomName, time, userName } from "./names.ts";

/** Why a call ended, in the field's words; from the Q.850 cause of the leg that decided it. */
export const endReason = z.enum([
  "hung-up", "declined", "busy", "no-answer", "cancelled", "offline", "unknown-person", "do-not-disturb", "refused", "failed",
  "transferred", "merged", "not-returned", "not-picked-up", "removed",
]);
export type EndReason = z.infer<typeof endReason>;

/** `rescuing`: somebody vanished (a reload, a lost network, a dead switch) and the other side hears music until they return. */
export const callState = z.enum(["ringing", "answered", "held", "parked", "rescuing", "ended"]);
export type CallState = z.infer<typeof callState>;

export const party = z.object({ user: userName, name: z.string(), extension });
export type Party = z.infer<typeof party>;

export const participantState = z.enum(["ringing", "talking", "held", "rescuing"]);

/** Somebody who takes part in a call, by one device or (while ringing) by several. */
export const participant = party.extend({
  state: participantState.describe("`held`: hears music, because another holds"),
  holds: z.boolean().optional().describe("has put the call on hold"),
  muted: z.boolean().describe("by this protocol; a page that mutes its own microphone is not seen here"),
  device: deviceId.optional().describe("the device that has the call, once one has"),
  moderator: z.boolean().optional().describe("in a room"),
  role: z.enum(["caller", "callee", "added", "listening", "whispering", "barged-in"]).describe("a listening or whispering supervisor is named to supervisors alone"),
});
export type Participant = z.infer<typeof participant>;

/** A call of ours, seen the same by everyone in it. */
export const call = z.object({
  id: callId,
  state: callState,
  caller: party,
  callee: party.describe("for a room, its name as `user` and its number"),
  participants: z.array(participant).optional().describe("everybody in it now"),
  room: roomName.optional().describe("the room in which it takes place, when it does"),
  space: parkingSpace.optional().describe("while it is parked"),
  consultation: callId.optional().describe("the call by which one of its participants asks somebody before an attended transfer"),
  sipCallId: z.string().max(255).optional().describe("Call-ID (RFC 3261, section 8.1.1.4) of the INVITE by which a device began it: that device knows it by this before it knows its id"),
  startedAt: time,
  answeredAt: time.optional(),
  endedAt: time.optional(),
  reason: endReason.optional(),
  into: callId.optional().describe("the call that goes on in its place, when its reason is `merged`"),
});
export type Call = z.infer<typeof call>;

/** A call in somebody's history: one row a call and person, however many devices rang. */
export const historyEntry = z.object({
  call: callId,
  direction: z.enum(["outgoing", "incoming"]),
  peer: party,
  startedAt: time,
  answeredAt: time.optional(),
  endedAt: time,
  reason: endReason,
  missed: z.boolean(),
});
export type HistoryEntry = z.infer<typeof historyEntry>;

/** How a supervisor takes part: hears both, is heard by the supervised one alone, is heard by both. */
export const supervision = z.enum(["listen", "whisper", "barge"]);
export type Supervision = z.infer<typeof supervision>;
