import { z } from "zod";
import { call } from "./calls.ts";
import { deliveryState, message } from "./messages.ts";
import { callId, userName } from "./names.ts";
import { device, person, profile } from "./people.ts";
import { room } from "./rooms.ts";
import { sipAccount } from "./sessions.ts";

/** Events by name. A client passes over a name that it doesn't know: a newer server may send more. */
export const events = {
  /** Somebody's presence or name changed, or somebody new came. */
  person: z.object({ person }),
  /** Somebody was removed. */
  personRemoved: z.object({ user: userName }),
  /** What is this person's own changed, on whichever device. */
  profile: z.object({ profile }),
  /** A call of this person's is new or has changed. */
  call: z.object({ call }),
  /** This device is asked to answer a ringing call by itself: `answer` named it. */
  answerCall: z.object({ call: callId }),
  /** This device is asked to put a call of its own on hold, or to take it back: a consultation or a swap, or `hold` from another device. */
  holdCall: z.object({ call: callId, on: z.boolean() }),
  /** A room changed: who is in it, or its lock. */
  room: z.object({ room }),
  /** A message to or from this person, on whichever device. */
  message: z.object({ message }),
  /** Messages of this person's were delivered or read, up to an id. */
  messageState: z.object({ with: userName, upTo: z.number().int(), state: deliveryState }),
  /** A device of this person's came, went or was signed out. */
  devices: z.object({ devices: z.array(device) }),
  /** The switch to register with changed, or (null) there is none at the moment; with the same switch, its relay's credential is a new one. */
  sip: z.object({ sip: sipAccount.nullable() }),
  /** A call of this person's is in another switch than the one to register with, such as one that is being replaced: this device is asked to register there too, until that call is over. */
  line: z.object({ sip: sipAccount }),
  /** This release is going; the socket closes with `goingAway` after `delayMs`. */
  goodbye: z.object({ delayMs: z.number() }),
} as const;

export type EventName = keyof typeof events;
export type EventData<N extends EventName> = z.infer<(typeof events)[N]>;
