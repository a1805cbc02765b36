import type { Participant } from "../../protocol/wire.ts";
import { isHidden, type DeviceOf, type Leg, type Party, type TrackedCall } from "./call.ts";

/** Everybody in a call, as those in it see them; hidden supervisors only for supervisors. */
export function participantsOf(call: TrackedCall, legs: readonly Leg[], find: (user: string) => Party | undefined, deviceOf: DeviceOf, forSupervisor = false): Participant[] {
  const seen = legs.filter((leg) => forSupervisor || !isHidden(leg));
  const users = new Set(seen.map(({ user }) => user));
  for (const user of call.rescuing.keys()) users.add(user);
  return [...users].flatMap((user) => {
    const party = find(user);
    if (!party) return [];
    const own = seen.filter((leg) => leg.user === user);
    const leg = own.find(({ answered }) => answered) ?? own[0];
    const lost = call.rescuing.get(user);
    const member = leg && call.conference?.members.get(leg.uuid);
    const device = deviceOf(leg?.answered ? leg.account : lost?.account ?? "");
    return [{
      ...party,
      state: lost ? "rescuing" : !leg?.answered ? "ringing" : seen.some((other) => other.user !== user && other.held) ? "held" : "talking",
      muted: member?.muted ?? leg?.muted ?? false,
      role: leg?.role ?? lost?.role ?? "callee",
      ...(own.some(({ held }) => held) ? { holds: true } : {}),
      ...(device === undefined ? {} : { device }),
      ...(member === undefined ? {} : { moderator: member.moderator }),
    } satisfies Participant];
  });
}
