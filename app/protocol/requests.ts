import { z } from "zod";
import { limits } from "./bounds.ts";
import { call, historyEntry, supervision } from "./calls.ts";
import { message, messageBody } from "./messages.ts";
import { address, callId, deviceId, digits, parkingSpace, roomName, time, userName } from "./names.ts";
import { availability, device, person, profile, statusText } from "./people.ts";
import { moderation, room } from "./rooms.ts";
import { snapshot } from "./sessions.ts";

const nothing = z.object({});
const ofCall = z.object({ call: callId });
const pageSize = z.number().int().min(1).max(limits.pageRows).default(50);

/**
 * Requests by name: what is sent (`params`) and what comes back (`result`). A command names a call of ours, never a channel of the switch's;
 * one of a stranger's is answered `not-found`, exactly like one that doesn't exist.
 */
export const requests = {
  /** Signs in with a password. Rate limited per account and address. */
  login: { params: z.object({ user: userName, password: z.string().min(1).max(200) }), result: snapshot },
  /** Signs in with a JWT that the company's application signed, or with an API token. A JWT makes the person on first sight. */
  loginWithToken: { params: z.object({ token: z.string().min(1).max(8_000) }), result: snapshot },
  /** Takes a session up again after its socket was lost; events after `lastSeq` follow. `not-found`: sign in again. */
  resume: { params: z.object({
    resumeToken: z.string().max(200), lastSeq: z.number().int().nonnegative(),
    knowsPeople: z.boolean().default(false).describe("the device still has the people of its last snapshot, with every event since: they need not be told when nothing is otherwise"),
  }), result: snapshot },
  /** Ends the session and revokes its SIP account. */
  logout: { params: nothing, result: nothing },
  /** Answers at once: measures the way there and back. */
  ping: { params: nothing, result: nothing },

  /** Calls somebody from a device (this one when none is named): that device answers by itself, then the other side rings. */
  call: { params: z.object({ to: address, device: deviceId.optional() }), result: z.object({ call: callId }) },
  /** Calls again whom this person called last. */
  redial: { params: z.object({ device: deviceId.optional() }), result: z.object({ call: callId }) },
  /** Answers a ringing call on a device of this person's (this one when none is named). */
  answer: { params: z.object({ call: callId, device: deviceId.optional() }), result: nothing },
  /** Refuses a ringing call on every device of this person's. */
  decline: { params: z.object({ call: callId, reason: z.enum(["declined", "busy"]).default("declined") }), result: nothing },
  /** Ends a call that the person takes part in; leaves it, when more than two do. */
  hangup: { params: ofCall, result: nothing },
  /** The others hear music. */
  hold: { params: ofCall, result: nothing },
  /** The others hear this person again. */
  unhold: { params: ofCall, result: nothing },
  /** Switches this person's voice off for the others, in the switch. */
  mute: { params: z.object({ call: callId, on: z.boolean() }), result: nothing },
  /** Sends tones to the other side. */
  sendDigits: { params: z.object({ call: callId, digits }), result: nothing },
  /** Blind transfer: the other side rings somebody else, and this person is out. */
  transfer: { params: z.object({ call: callId, to: address }), result: nothing },
  /** Attended transfer, its start: the other side hears music while this person calls somebody. */
  consult: { params: z.object({ call: callId, to: address }), result: z.object({ consultation: callId }) },
  /** Attended transfer: talks to the other of the two. */
  swap: { params: ofCall, result: nothing },
  /** Attended transfer, its end: the two others talk, this person is out. */
  completeTransfer: { params: ofCall, result: nothing },
  /** Attended transfer, given up: the consultation ends, the call goes on. */
  cancelTransfer: { params: ofCall, result: nothing },
  /** Turns a call (and its consultation, when there is one) into a conference of everybody in it. */
  conference: { params: ofCall, result: z.object({ room: roomName }) },
  /** Rings somebody and takes them into the call, which becomes a conference. */
  addParticipant: { params: z.object({ call: callId, to: address }), result: nothing },
  /** Takes somebody out of a conference that this person began, or moderates. */
  removeParticipant: { params: z.object({ call: callId, user: userName }), result: nothing },
  /** Parks a call: the other side hears music until somebody picks it up by its space. */
  park: { params: z.object({ call: callId, space: parkingSpace.optional() }), result: z.object({ space: parkingSpace }) },
  /** Takes a parked call, by its space, or a call that rings at a colleague's, by its id. */
  pickUp: { params: z.union([z.object({ space: parkingSpace, device: deviceId.optional() }), z.object({ call: callId, device: deviceId.optional() })]), result: z.object({ call: callId }) },
  /** Moves a call of this person's to a device of theirs (this one when none is named), while the peer hears a moment of music. */
  moveCall: { params: z.object({ call: callId, device: deviceId.optional() }), result: nothing },

  /** Calls in progress that a supervisor may see. Permission `supervise.see`. */
  listCalls: { params: nothing, result: z.object({ calls: z.array(call).max(1_000) }) },
  /** Joins a call of others, or changes how. Permission `supervise.listen`, `.whisper` or `.barge`. */
  supervise: { params: z.object({ call: callId, mode: supervision, user: userName.optional().describe("whom a whisper is for; the callee when nobody is named") }), result: nothing },
  /** Ends a call of others. Permission `supervise.end`. */
  endCall: { params: ofCall, result: nothing },

  /** Rooms of the company and who is in them. */
  listRooms: { params: nothing, result: z.object({ rooms: z.array(room) }) },
  /** Moderates a room: its moderators, whoever began it, or permission `rooms.moderate`. */
  moderate: { params: z.object({ room: roomName, command: moderation }), result: nothing },

  /** Sets do not disturb on or off; `setStatus` does the same and more. */
  setDoNotDisturb: { params: z.object({ on: z.boolean() }), result: z.object({ me: person }) },
  /** Sets what others see of this person, until it is changed. */
  setStatus: { params: z.object({ availability: availability.optional(), text: statusText.optional() }), result: z.object({ me: person, profile }) },
  /** Sets what is this person's own. */
  setPreferences: { params: z.object({ language: z.enum(["en", "ru"]).optional(), voicemail: z.boolean().optional() }), result: z.object({ profile }) },
  /** Puts somebody among this person's favourites, or takes them out. */
  setFavourite: { params: z.object({ user: userName, on: z.boolean() }), result: z.object({ profile }) },
  /** Changes this person's own password; other sessions end. */
  changePassword: { params: z.object({ current: z.string().min(1).max(200), next: z.string().min(8).max(200) }), result: nothing },
  /** Finds people by the beginning of any word of their name, user name or extension. */
  searchPeople: { params: z.object({ text: z.string().min(1).max(80), limit: pageSize }), result: z.object({ people: z.array(person) }) },
  /** Devices in which this person is signed in. */
  listDevices: { params: nothing, result: z.object({ devices: z.array(device) }) },
  /** Signs another device of this person's out. */
  signOutDevice: { params: z.object({ device: deviceId }), result: nothing },

  /** Calls that are over, newest first; the next page begins before the `endedAt` of the last row. */
  history: { params: z.object({ before: time.optional(), limit: pageSize, missedOnly: z.boolean().default(false), with: userName.optional() }), result: z.object({ entries: z.array(historyEntry) }) },
  /** The missed calls up to now have been seen, on every device. */
  markHistorySeen: { params: nothing, result: nothing },

  /** Sends a message. `clientId` is the sender's own: the same one again makes no second message. */
  sendMessage: { params: z.object({ to: userName, body: messageBody, clientId: z.string().min(1).max(64) }), result: z.object({ message }) },
  /** Messages with somebody, newest first; the next page begins before the `id` of the last row. */
  listMessages: { params: z.object({ with: userName, before: z.number().int().positive().optional(), limit: pageSize }), result: z.object({ messages: z.array(message) }) },
  /** The last message with everybody, newest first. */
  listConversations: { params: z.object({ limit: pageSize }), result: z.object({ conversations: z.array(z.object({ with: userName, last: message, unread: z.number().int() })) }) },
  /** A device has these messages, or its person has read them, up to an id. */
  markMessages: { params: z.object({ with: userName, upTo: z.number().int().positive(), state: z.enum(["delivered", "read"]) }), result: nothing },
} as const;

export type RequestName = keyof typeof requests;
export type Params<N extends RequestName> = z.infer<(typeof requests)[N]["params"]>;
/** As a client sends them: what has a default may be left out. */
export type ParamsInput<N extends RequestName> = z.input<(typeof requests)[N]["params"]>;
export type Result<N extends RequestName> = z.infer<(typeof requests)[N]["result"]>;
