import { z } from "zod";
import { limits } from "./bounds.ts";
import { time, userName } from "./names.ts";

/** `sent`: kept by the server. `delivered`: a device of the receiver has it. `read`: the receiver has seen it. */
export const deliveryState = z.enum(["sent", "delivered", "read"]);
export type DeliveryState = z.infer<typeof deliveryState>;

export const messageBody = z.string().min(1).max(limits.messageCharacters);

/** A direct message. Its id grows with time, so that a page of messages is asked for by it. */
export const message = z.object({
  id: z.number().int().positive(),
  from: userName,
  to: userName,
  body: messageBody,
  sentAt: time,
  state: deliveryState,
});
export type Message = z.infer<typeof message>;
