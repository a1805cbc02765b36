import type { Call } from "../protocol/wire.ts";

/** What this device knows from its control connection, and from nowhere else, about a call that asks to be answered by itself. */
export interface Knowledge {
  /** User name of this person. */
  me: string | undefined;
  /** Public id of this session. */
  device: string | undefined;
  /** The call, as the server told it; nothing when it has not. */
  call: Call | undefined;
  /** Whether a command of this device named the call, or its answer did. */
  commanded: boolean;
  /** Whether the server asked this device to answer the call (event `answerCall`). */
  asked: boolean;
  /** Whether a command that brings a call here is under way and may still name it. */
  commandUnderWay: boolean;
}

/**
 * Whether an INVITE with `X-Houseline-Answer: auto` may open the microphone without anybody's touch. The header alone never
 * does: whoever can call could write it. It takes the server's word, over the control connection, that this person's call
 * is being brought back or was asked for. `wait`: the server's word may be a moment behind the INVITE.
 */
export function mayAnswer({ me, device, call, commanded, asked, commandUnderWay }: Knowledge): "yes" | "no" | "wait" {
  if (me === undefined) return "wait";
  if (commanded || asked) return "yes";
  if (!call) return "wait";
  const mine = call.participants?.find(({ user }) => user === me);
  const here = mine?.device === undefined || mine.device === device;
  if (call.state === "rescuing" && here && (mine ? mine.state === "rescuing" : isParty(call, me))) return "yes";
  // This person's own call, asked for on another device: this one answers first, then the other side rings.
  if (call.state === "ringing" && call.caller.user === me && here) return "yes";
  // A call that rings at this person is the one way in for others: it is never opened by a command about something else. A parked call is
  // picked up by its space, before its id is known here.
  const rings = call.state === "ringing" || mine?.state === "ringing";
  if (commandUnderWay && mine && (!rings || call.space !== undefined)) return "yes";
  return commandUnderWay || (call.state === "rescuing" && here) ? "wait" : "no";
}

function isParty(call: Call, me: string): boolean {
  return call.caller.user === me || call.callee.user === me;
}
