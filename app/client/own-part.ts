import type { Call, Participant } from "../protocol/wire.ts";
import type { Side } from "./call-state.ts";

/** This person's part in a call, as the server tells it: the one of this device, when they are in it with several. */
export function ownPart(call: Call | undefined, me: string | undefined, device: string | undefined): Participant | undefined {
  const mine = (call?.participants ?? []).filter(({ user }) => user === me);
  return mine.find((one) => one.device === device) ?? mine[0];
}

/** Who has put the call on hold, where the server says it. */
export function holderOf(call: Call, me: string | undefined, mine: Participant | undefined): Side | "both" | undefined {
  const peer = (call.participants ?? []).some(({ user, holds }) => user !== me && holds);
  if (mine?.holds) return peer ? "both" : "me";
  return peer ? "peer" : undefined;
}

/** Whether the call goes on at another device of this person's. */
export function isElsewhere(call: Call, mine: Participant | undefined, device: string | undefined): boolean {
  return call.state !== "ended" && mine?.device !== undefined && mine.device !== device && mine.state !== "ringing";
}
