import { z } from "zod";
import { extension, roomName, userName } from "./names.ts";
import { party } from "./calls.ts";

/** A conference room of the company's: a place to call, whether or not anybody is in it. */
export const room = z.object({
  name: roomName,
  title: z.string().max(80),
  number: extension.optional(),
  moderators: z.array(userName).max(50),
  locked: z.boolean(),
  members: z.array(party.extend({ muted: z.boolean(), moderator: z.boolean() })),
});
export type Room = z.infer<typeof room>;

/** What a moderator may do in a room; `user` for what is done to one of its members. */
export const moderation = z.discriminatedUnion("action", [
  z.object({ action: z.enum(["mute", "unmute", "kick"]), user: userName }),
  z.object({ action: z.enum(["mute-all", "unmute-all", "lock", "unlock"]) }),
  z.object({ action: z.literal("announce"), prompt: z.enum(["recording-off", "ending-soon", "welcome"]).describe("a prompt that the sound image has") }),
]);
export type Moderation = z.infer<typeof moderation>;
