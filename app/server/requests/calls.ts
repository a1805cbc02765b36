import type { Calls } from "../calls/calls.ts";
import type { Logger } from "../log.ts";
import { RequestError } from "../sessions/connection.ts";
import type { RemoteSwitch } from "../switch/remote-switch.ts";
import type { Handlers } from "./handlers.ts";

/** Commands about calls. */
export function callRequests(calls: Calls, log: Logger): Handlers<"hangup"> {
  return { hangup };

  /** A stranger's call is answered exactly like one that doesn't exist. */
  async function hangup({ user }: { user: string }, { call: id }: { call: string }) {
    const call = calls.get(id);
    if (!call?.users.has(user)) throw new RequestError("not-found", "There is no such call.");
    const home = calls.homeOf(call) as RemoteSwitch;
    const legs = [...call.legs.values()];
    const caller = legs.find(({ direction }) => direction === "inbound") ?? legs[0];
    try {
      if (caller) await home.link.api("uuid_kill", caller.uuid);
    } catch (error) {
      log.warn({ call: id, reason: (error as Error).message }, "hanging up failed");
      throw new RequestError("unavailable", "The switch did not answer. Try again.");
    }
    return {};
  }
}
