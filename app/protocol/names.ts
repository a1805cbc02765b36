import { z } from "zod";

/** Names that people and servers give to things: kept narrow, since they come near ESL lines. Each is checked before it is used. */

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** The same without a schema: asked of a dozen headers of every event of a switch, most of which have none. */
export const isCallId = (value: unknown): value is string => typeof value === "string" && uuid.test(value);
export const userName = z.string().regex(/^[a-z][a-z0-9._-]{0,31}$/).describe("a user name: small letters, digits, '.', '_', '-', beginning with a letter, at most 32");
export const extension = z.string().regex(/^[0-9]{2,6}$/).describe("an extension: two to six digits");
export const callId = z.string().regex(uuid).describe("a UUID");
export const roomName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/).describe("a room's name: small letters, digits and '-', at most 40");
export const parkingSpace = z.number().int().min(1).max(9_999).describe("a parking space: 1 to 9999");
export const digits = z.string().regex(/^[0-9A-D*#]{1,32}$/).describe("up to 32 tones of 0-9, *, # and A-D (RFC 4733)");
export const deviceId = z.uuid().describe("the public id of a session: one browser tab or application");

/** What can be called: a person by user name or extension, a room (`room-blue`), a service such as `*97` (voicemail). */
export const address = z.union([userName, extension, z.string().regex(/^(room-[a-z0-9][a-z0-9-]{0,39}|\*[0-9]{2,4})$/)]).describe("a user name, an extension, 'room-' and a room's name, or a service such as '*97'");

/** Milliseconds since the Unix epoch. */
export const time = z.number().int().nonnegative().describe("milliseconds since the Unix epoch");
