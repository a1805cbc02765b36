import type { PhoneCall } from "../client/index.ts";
import { words } from "./words.ts";

/** First letters of the first and the last name. */
export function initials(name: string): string {
  const parts = name.trim().split(/\s+/).filter(Boolean);
  const first = [...(parts[0] ?? "?")][0]!;
  const last = parts.length > 1 ? [...parts.at(-1)!][0]! : "";
  return (first + last).toUpperCase();
}

/** `4:07`, `1:02:09` */
export function clock(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  const parts = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, "0"))).join(":");
}

/** The time today, the date before. */
export function moment(at: number, now = Date.now(), locale?: string): string {
  const [then, today] = [new Date(at), new Date(now)];
  if (then.toDateString() === today.toDateString()) return then.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" });
  return then.toLocaleDateString(locale, { day: "numeric", month: "short", ...(then.getFullYear() === today.getFullYear() ? {} : { year: "numeric" }) });
}

/** Whom a call is with: of several people, all. */
export function nameOf(call: Pick<PhoneCall, "others" | "peer" | "role">): string {
  const names = call.others.filter(({ role }) => role !== "listening" && role !== "whispering").map(({ name }) => name);
  return names.length > 1 ? names.join(", ") : (names[0] ?? call.peer.name);
}

/** What a call's panel says under the name. */
export function stateOf(call: Pick<PhoneCall, "state" | "direction" | "heldBy" | "waitsFor" | "unstable" | "answering" | "space" | "role" | "others" | "room">): string {
  const { state, direction, heldBy, role } = call;
  if (state === "ended") return words.stateOver;
  if (state === "rescuing") return call.waitsFor === "peer" ? words.statePeerReconnecting : words.stateReconnecting;
  if (call.unstable) return words.stateUnstable;
  if (call.answering) return words.stateConnecting;
  if (state === "dialling") return words.stateCalling;
  if (state === "ringing") return direction === "incoming" ? words.stateIncoming : words.stateRinging;
  if (call.space !== undefined) return words.stateParked(call.space);
  if (state === "held") return heldBy === "peer" ? words.stateHeldByPeer : words.stateHeld;
  if (role === "listening") return words.stateListening;
  if (role === "whispering") return words.stateWhispering;
  if (role === "barged-in") return words.stateBargedIn;
  return call.room !== undefined || call.others.length > 1 ? words.stateInRoom(call.others.length) : words.stateInCall;
}

/** Whether somebody fits what was typed: the beginning of any part of the name, the user name or the extension. */
export function fits(typed: string, person: { user: string; name: string; extension: string }): boolean {
  const wanted = typed.trim().toLocaleLowerCase();
  if (wanted === "") return true;
  const parts = [person.user, person.extension, ...person.name.toLocaleLowerCase().split(/\s+/)];
  return parts.some((part) => part.startsWith(wanted)) || person.name.toLocaleLowerCase().startsWith(wanted);
}
