/**
 * The control protocol: JSON text frames over one WebSocket (`/ws` of the application server).
 *
 * The client speaks first (`hello`, then `login`, `loginWithToken` or `resume`); after that it sends requests, each answered
 * once by a response or an error with the same `id`, and receives events numbered without gaps (`seq`), from 1 in every session.
 */
export * from "./bounds.ts";
export * from "./calls.ts";
export * from "./events.ts";
export * from "./frames.ts";
export * from "./messages.ts";
export * from "./names.ts";
export * from "./people.ts";
export * from "./permissions.ts";
export * from "./requests.ts";
export * from "./rooms.ts";
export * from "./sessions.ts";
