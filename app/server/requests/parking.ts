import { randomUUID } from "node:crypto";
import type { CallControl } from "../calls/control.ts";
import type { TrackedCall } from "../calls/call.ts";
import { RequestError } from "../sessions/connection.ts";
import * as commands from "../switch/commands.ts";
import { parkedOf } from "../switch/remote-switch.ts";
import * as word from "../switch/words.ts";
import type { Handlers } from "./handlers.ts";

const ownRingSeconds = 20;
/** Milliseconds for the switch to say in which space it has put a call. */
const parkMs = 4_000;

/** Parked calls, and calls that ring at a colleague's. */
export function parkingRequests(control: CallControl): Handlers<"park" | "pickUp"> {
  const { calls } = control.context;

  /** The space, once the switch has told it. */
  function parked(call: TrackedCall): Promise<number> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        if (call.space === undefined && call.endedAt === undefined) return;
        clearTimeout(timer);
        calls.off("changed", settle);
        if (call.space === undefined) reject(new RequestError("conflict", "The call has just ended."));
        else resolve(call.space);
      };
      const timer = setTimeout(() => {
        calls.off("changed", settle);
        reject(new RequestError("unavailable", "The switch did not park the call."));
      }, parkMs);
      calls.on("changed", settle);
      settle();
    });
  }

  async function pickUpParked(user: string, call: TrackedCall, device: string): Promise<void> {
    const leg = call.legsOfTalkers.find(({ answered }) => answered);
    if (call.space === undefined || !leg) throw new RequestError("conflict", "Somebody else has picked the call up.");
    const { registration } = await control.registration(user, device, { call, home: control.switchOf(leg) });
    await control.bringIn(call, user, registration, leg, "callee", ownRingSeconds);
  }

  async function pickUpRinging(user: string, call: TrackedCall, device: string): Promise<void> {
    if (!control.context.may(user, "calls.pickup")) throw new RequestError("forbidden", "You may not pick up calls of others.");
    const caller = call.legsOfTalkers.find(({ role }) => role === "caller");
    if (call.answeredAt !== undefined || !caller || call.caller.user === user) throw new RequestError("conflict", "The call does not ring any more.");
    const home = control.switchOf(caller);
    const { registration } = await control.registration(user, device, { call, home });
    await control.ring({
      call, home, user, role: "callee", devices: [{ registration, leg: randomUUID() }], autoAnswer: true, shown: call.caller,
      then: { application: "intercept", leg: word.uuid(caller.uuid) }, timeoutSeconds: ownRingSeconds,
    });
  }

  return {
    park: ({ user }, { call: callId, space }) => control.withCall(user, callId, async (call) => {
      const own = control.own(call, user);
      const peer = control.peer(call, user);
      // A taken space would connect the two who are parked there. The question also tells a switch that has no parking.
      const taken = parkedOf(await control.run(peer, commands.show.parked));
      if (taken.some((one) => one.space === space)) throw new RequestError("conflict", `Space ${space} is taken.`);
      const settled = parked(call);
      settled.catch(() => {});
      await control.tell(call, "leaving", user, "transferred");
      await control.run(peer, commands.mark(word.uuid(peer.uuid), { name: "houseline_parker", value: word.user(user) }));
      await control.run(peer, commands.park(word.uuid(peer.uuid), space === undefined ? undefined : word.space(space)));
      await control.end(own);
      return { space: await settled };
    }),

    async pickUp({ user, id }, params) {
      const call = "space" in params ? calls.withSpace(params.space) : calls.get(params.call);
      // Whoever may pick up sees that a call is there; others don't.
      if (!call?.callee) throw new RequestError("not-found", "space" in params ? `No call is parked in space ${params.space}.` : "There is no such call.");
      if (!("space" in params) && call.space === undefined && !control.context.may(user, "calls.pickup")) throw new RequestError("not-found", "There is no such call.");
      const device = params.device ?? id;
      await control.one(call.id, () => (call.space === undefined ? pickUpRinging : pickUpParked)(user, call, device));
      return { call: call.id };
    },
  };
}
