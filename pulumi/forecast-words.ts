import { slots } from "./port-ranges.ts";
import { isData, isSwitch, type StackContainer } from "./stack-containers.ts";

/** A container of the program, as a preview saw it: one that doesn't stay is made, or made anew. */
export interface Planned { role: string; host?: string | undefined; image: string; stays: boolean }

/** One that is there, and how many calls are on it where that can be asked. */
type Present = Pick<StackContainer, "role" | "image" | "state" | "drainSeconds"> & { host?: string | undefined; talks?: number };

/** Whether both are the same part of the stack: several hosts may have a switch. */
const isSamePart = (one: Pick<Planned, "role" | "host">, other: Pick<Planned, "role" | "host">) => one.role === other.role && one.host === other.host;

/** A sentence for each container of the program, and for each that is there besides. */
export function sentences(planned: readonly Planned[], present: readonly Present[]): string[] {
  if (planned.every(({ stays }) => stays) && present.length === planned.length) return ["Every container stays."];
  // Where a switch is in reserve, its host's name tells which is meant.
  const isOnSeveral = (part: Pick<Planned, "role" | "host">) => planned.some(({ role, host }) => role === part.role && host !== part.host);
  const nameOf = (part: Pick<Planned, "role" | "host">) => isOnSeveral(part) ? `${part.role} on ${part.host}` : part.role;
  const lines = planned.map((one) => `${nameOf(one)}: ${outlook(one, present.filter((other) => isSamePart(one, other)))}.`);
  const kept = new Set(planned.map((part) => present.findLast((one) => isSamePart(one, part))));
  const others = present.filter((one) => !kept.has(one));
  return [...lines, ...others.map((one) => `${nameOf(one)} of release ${tagOf(one.image)}: ${end(one, planned)}.`)];
}

function outlook({ role, image, stays }: Planned, there: readonly Present[]): string {
  const newest = there.at(-1);
  if (stays) return "stays";
  if (newest === undefined) return isData({ role }) ? "is made" : `is started, of release ${tagOf(image)}`;
  if (isData({ role })) return "is made anew, and with it what reads it";
  const release = newest.image === image ? `the same release ${tagOf(image)} with another configuration` : `release ${tagOf(image)}`;
  const running = there.filter(({ state }) => state === "running");
  if ((isSwitch(role) || role === "turn") && running.length >= slots) return `would be replaced by ${release}, but all ${slots} slots are taken by releases that finish their calls: 'up' says who talks, and waits or sets them a limit`;
  return `is replaced by ${release}${running.length === 0 ? "" : `; ${farewell(newest)}`}`;
}

/** What becomes of those who use a container that is told to finish. */
function farewell({ role, talks, drainSeconds }: Present): string {
  if (role === "app-server") return "sessions go over to it within ten seconds, with all they have";
  if (role === "turn") return `calls that go over the old one stay with it${limit(drainSeconds)}`;
  if (!isSwitch(role)) return "sockets come back through it by themselves, calls go on";
  if (talks === 0) return "nobody talks on the old one";
  const calls = talks === undefined ? "calls on the old one go on" : talks === 1 ? "1 call on the old one goes on" : `${talks} calls on the old one go on`;
  return `${calls}${limit(drainSeconds)}`;
}

const limit = (drainSeconds: number | undefined) => (drainSeconds === undefined ? "" : `, for at most ${duration(drainSeconds)} (the drain limit)`);

function end(one: Present, planned: readonly Planned[]): string {
  if (one.state !== "running" || isData(one)) return "is removed";
  const gone = !planned.some((part) => isSamePart(part, one));
  return `${gone ? "is told to finish" : "finishes already, or is told to"}; ${isSwitch(one.role) || one.role === "turn" ? farewell(one) : "then it is removed"}`;
}

/** `3600` → `1 h`. */
export function duration(seconds: number): string {
  if (seconds % 3_600 === 0) return `${seconds / 3_600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

const tagOf = (image: string) => image.slice(image.lastIndexOf(":") + 1);
