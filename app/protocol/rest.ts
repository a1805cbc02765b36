import { z } from "zod";
import { limits } from "./bounds.ts";
import { call, endReason, party } from "./calls.ts";
import { errorCode } from "./frames.ts";
import { address, callId, deviceId, extension, roomName, time, userName } from "./names.ts";
import { permission, person, role, type Permission } from "./people.ts";

/** The REST API under `/api`: administration, and what other servers ask for. JSON both ways; `Authorization: Bearer` an API token or a JWT. */

const password = z.string().min(8).max(200);
const displayName = z.string().trim().min(1).max(80);
const pageSize = z.coerce.number().int().min(1).max(limits.pageRows).default(50);

export const restError = z.object({ error: z.object({ code: errorCode, message: z.string().describe("a sentence for people") }) });

export const account = person.extend({ role, hasPassword: z.boolean().describe("false: signs in by token alone") });
export type Account = z.infer<typeof account>;

export const token = z.object({
  id: z.uuid(),
  name: z.string().min(1).max(80),
  user: userName.optional().describe("whose it is: signs them in; without one it is a server's"),
  scopes: z.array(permission),
  createdAt: time,
  lastUsedAt: time.optional().describe("to the minute"),
  expiresAt: time.optional(),
});
export type Token = z.infer<typeof token>;

export const roomSettings = z.object({
  name: roomName,
  title: displayName,
  number: extension.optional(),
  pin: z.string().regex(/^[0-9]{4,10}$/).optional().describe("four to ten digits that callers have to dial"),
  moderators: z.array(userName).max(50),
});
export type RoomSettings = z.infer<typeof roomSettings>;

export const pastCall = z.object({ call: callId, caller: userName, callee: party, startedAt: time, answeredAt: time.optional(), endedAt: time, reason: endReason });
export type PastCall = z.infer<typeof pastCall>;

export interface Route {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Under `/api`; `{name}` stands for a part that is checked by `path`. */
  at: string;
  about: string;
  /** Null: for everybody, without signing in. */
  permission: Permission | null;
  path: z.ZodObject;
  query: z.ZodObject;
  body: z.ZodType | null;
  status: 200 | 201 | 204;
  result: z.ZodType | null;
}

const nothing = z.object({});
const route = <Path extends z.ZodObject = typeof nothing, Query extends z.ZodObject = typeof nothing, Body extends z.ZodType | null = null, Output extends z.ZodType | null = null>(
  method: Route["method"], at: string, permission: Route["permission"], about: string, parts: { path?: Path; query?: Query; body?: Body; status?: Route["status"]; result?: Output },
) => ({
  method, at, permission, about,
  path: (parts.path ?? nothing) as Path, query: (parts.query ?? nothing) as Query, body: (parts.body ?? null) as Body,
  status: parts.status ?? 200, result: (parts.result ?? null) as Output,
}) satisfies Route;

const ofPerson = z.object({ user: userName });
const ofRoom = z.object({ name: roomName });
const generated = z.string().optional().describe("made for them, and shown this once");

/** Routes by what they do. */
export const routes = {
  listPeople: route("GET", "/people", "people.manage", "Everybody, in the order of their user names; the next page begins after the last user name.", {
    query: z.object({ after: userName.optional(), limit: pageSize, search: z.string().min(1).max(80).optional() }), result: z.object({ people: z.array(account) }),
  }),
  addPerson: route("POST", "/people", "people.manage", "Adds somebody. Without a password one is made; without an extension the next free one is given.", {
    body: z.strictObject({ user: userName, name: displayName, extension: extension.optional(), role: role.default("member"), password: password.nullable().optional().describe("null: none, for people who come by token") }),
    status: 201, result: z.object({ person: account, password: generated }),
  }),
  getPerson: route("GET", "/people/{user}", "people.manage", "One person.", { path: ofPerson, result: z.object({ person: account }) }),
  changePerson: route("PATCH", "/people/{user}", "people.manage", "Changes what is given.", {
    path: ofPerson, body: z.strictObject({ name: displayName.optional(), extension: extension.optional(), role: role.optional() }), result: z.object({ person: account }),
  }),
  setPassword: route("POST", "/people/{user}/password", "people.manage", "Sets a password, or makes one; every session of the person ends.", {
    path: ofPerson, body: z.strictObject({ password: password.optional() }), result: z.object({ password: generated }),
  }),
  removePerson: route("DELETE", "/people/{user}", "people.manage", "Removes somebody with their sessions, tokens and history; messages stay with the others.", { path: ofPerson, status: 204 }),

  listTokens: route("GET", "/tokens", "tokens.manage", "API tokens, without what they are.", { result: z.object({ tokens: z.array(token) }) }),
  addToken: route("POST", "/tokens", "tokens.manage", "Makes a token with permissions that whoever makes it has too.", {
    body: z.strictObject({ name: z.string().trim().min(1).max(80), user: userName.optional(), scopes: z.array(permission).min(1).max(permission.options.length), expiresAt: time.optional() }),
    status: 201, result: token.extend({ token: z.string().describe("shown this once") }),
  }),
  removeToken: route("DELETE", "/tokens/{id}", "tokens.manage", "Revokes a token, at once and on open sockets too.", { path: z.object({ id: z.uuid() }), status: 204 }),

  listRoomSettings: route("GET", "/rooms", "rooms.manage", "Conference rooms as they are kept.", { result: z.object({ rooms: z.array(roomSettings) }) }),
  addRoom: route("POST", "/rooms", "rooms.manage", "Adds a room. It is called by `room-` and its name, or by its number.", {
    body: z.strictObject({ ...roomSettings.shape, moderators: roomSettings.shape.moderators.default([]) }), status: 201, result: z.object({ room: roomSettings }),
  }),
  changeRoom: route("PATCH", "/rooms/{name}", "rooms.manage", "Changes what is given; null takes a number or a PIN away.", {
    path: ofRoom,
    body: z.strictObject({ title: displayName.optional(), number: extension.nullable().optional(), pin: roomSettings.shape.pin.unwrap().nullable().optional(), moderators: roomSettings.shape.moderators.optional() }),
    result: z.object({ room: roomSettings }),
  }),
  removeRoom: route("DELETE", "/rooms/{name}", "rooms.manage", "Removes a room; whoever is in it goes on.", { path: ofRoom, status: 204 }),

  listLiveCalls: route("GET", "/calls", "supervise.see", "Calls in progress.", { result: z.object({ calls: z.array(call) }) }),
  listPastCalls: route("GET", "/calls/history", "supervise.see", "Calls that are over, newest first; the next page begins before the `endedAt` of the last row.", {
    query: z.object({ before: z.coerce.number().int().nonnegative().optional(), limit: pageSize }), result: z.object({ calls: z.array(pastCall) }),
  }),
  placeCall: route("POST", "/calls", "calls", "Calls somebody for a person: their device answers by itself, then the other side rings. A person's own token calls for that person alone.", {
    body: z.strictObject({ from: userName, to: address, device: deviceId.optional().describe("the person's newest connected device when none is named") }), status: 201, result: z.object({ call: callId }),
  }),
  endCall: route("DELETE", "/calls/{call}", "calls", "Hangs a call up. A person's own token ends calls of that person alone.", { path: z.object({ call: callId }), status: 204 }),

  openApi: route("GET", "/openapi.json", null, "This description.", { result: z.record(z.string(), z.unknown()) }),
} as const;
export type RouteName = keyof typeof routes;

type Parsed<T> = T extends z.ZodType ? z.output<T> : undefined;
/** What a handler is given, checked. */
export interface RestRequest<N extends RouteName> { path: Parsed<(typeof routes)[N]["path"]>; query: Parsed<(typeof routes)[N]["query"]>; body: Parsed<(typeof routes)[N]["body"]> }
export type RestResult<N extends RouteName> = (typeof routes)[N]["result"] extends z.ZodType ? z.output<(typeof routes)[N]["result"]> : void;
