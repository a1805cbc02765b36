import type { PhoneCallState, Presence } from "../client/index.ts";

const presences: Record<Presence, string> = {
  "offline": "Offline", "available": "Available", "away": "Away", "ringing": "Ringing", "in-call": "In a call", "do-not-disturb": "Do not disturb",
};

export const presenceWord = (presence: Presence): string => presences[presence];

/** First letters of the first and the last name. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const first = [...(words[0] ?? "?")][0]!;
  const last = words.length > 1 ? [...words.at(-1)!][0]! : "";
  return (first + last).toUpperCase();
}

/** `4:07`, `1:02:09` */
export function clock(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  const parts = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, "0"))).join(":");
}

/** What a call's panel says under the name. */
export function stateWord(state: PhoneCallState, direction: "incoming" | "outgoing", heldBy: "me" | "peer" | "both" | undefined): string {
  if (state === "dialling") return "Calling …";
  if (state === "ringing") return direction === "incoming" ? "is calling you" : "Ringing …";
  if (state === "held") return heldBy === "peer" ? "has put you on hold" : "On hold";
  if (state === "answered") return "In a call";
  return "Call over";
}

/** Whether somebody fits what was typed: the beginning of any part of the name, the user name or the extension. */
export function fits(typed: string, person: { user: string; name: string; extension: string }): boolean {
  const wanted = typed.trim().toLocaleLowerCase();
  if (wanted === "") return true;
  const parts = [person.user, person.extension, ...person.name.toLocaleLowerCase().split(/\s+/)];
  return parts.some((part) => part.startsWith(wanted)) || person.name.toLocaleLowerCase().startsWith(wanted);
}
