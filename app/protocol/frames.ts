import { z } from "zod";

/** `unavailable` and `too-many` may be tried again, later; `conflict`: not in the state that the call is in. */
export const errorCode = z.enum(["bad-request", "unauthorized", "forbidden", "not-found", "conflict", "too-many", "unavailable", "internal", "version"]);
export type ErrorCode = z.infer<typeof errorCode>;

/** The first frame of a client. */
export const hello = z.object({ type: z.literal("hello"), version: z.number().int(), client: z.string().max(80).describe("what the device is called, such as 'Softphone, Chrome'") });

/** Frames from a client after `hello`. */
export const clientFrame = z.object({ type: z.literal("request"), id: z.number().int().nonnegative(), name: z.string().max(40), params: z.unknown() });

/** Frames from the server. */
export const serverFrame = z.discriminatedUnion("type", [
  z.object({ type: z.literal("hello"), version: z.number().int(), server: z.string() }),
  z.object({ type: z.literal("response"), id: z.number().int(), result: z.unknown() }),
  z.object({ type: z.literal("error"), id: z.number().int().nullable(), code: errorCode, message: z.string() }),
  z.object({ type: z.literal("event"), seq: z.number().int().positive(), name: z.string().max(40), data: z.unknown() }),
]);
export type ServerFrame = z.infer<typeof serverFrame>;
