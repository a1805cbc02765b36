import { z } from "zod";
import { limits } from "./bounds.ts";
import { deviceId, extension, time, userName } from "./names.ts";

/** What somebody is doing, as others see it: calls come first, then whether anybody is signed in, then what the person says. */
export const presence = z.enum(["offline", "available", "away", "ringing", "in-call", "do-not-disturb"]);
export type Presence = z.infer<typeof presence>;

/** What somebody says about being reachable, whether or not they are in a call. */
export const availability = z.enum(["available", "away", "do-not-disturb"]);
export type Availability = z.infer<typeof availability>;

export const statusText = z.string().max(140).describe("a text of the person's own, such as 'back at three'");

export const person = z.object({
  user: userName,
  name: z.string().max(80),
  extension,
  presence,
  text: statusText.optional(),
});
export type Person = z.infer<typeof person>;

/** What a role allows. `calls` is what everybody has who can call at all. */
export const permission = z.enum([
  "calls", "messages", "rooms.moderate", "calls.pickup",
  "supervise.see", "supervise.listen", "supervise.whisper", "supervise.barge", "supervise.end",
  "people.manage", "tokens.manage", "rooms.manage",
]);
export type Permission = z.infer<typeof permission>;

/** Roles, each with its permissions: kept in the program, so that a role means the same everywhere. */
export const roles = {
  member: ["calls", "messages", "calls.pickup"],
  supervisor: ["calls", "messages", "calls.pickup", "rooms.moderate", "supervise.see", "supervise.listen", "supervise.whisper", "supervise.barge"],
  admin: permission.options,
} as const satisfies Record<string, readonly Permission[]>;
export const role = z.enum(Object.keys(roles) as [keyof typeof roles, ...(keyof typeof roles)[]]);
export type Role = z.infer<typeof role>;

/** What a person is told about themselves alone. */
export const profile = z.object({
  role,
  permissions: z.array(permission),
  availability,
  text: statusText,
  language: z.enum(["en", "ru"]).describe("of spoken prompts"),
  voicemail: z.boolean().describe("whether callers may leave a message; off until the person wants it"),
  favourites: z.array(userName).max(limits.favourites),
  missedCalls: z.number().int().nonnegative().describe("calls missed since the history was last looked at"),
  unreadMessages: z.number().int().nonnegative(),
});
export type Profile = z.infer<typeof profile>;

/** A browser tab or application in which a person is signed in. */
export const device = z.object({
  id: deviceId,
  name: z.string().max(80).describe("as its hello gave it, such as 'Softphone, Chrome'"),
  connected: z.boolean(),
  since: time,
});
export type Device = z.infer<typeof device>;
