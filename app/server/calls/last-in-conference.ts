import { callOfRoom } from "./conference.ts";
import type { CallControl } from "./control.ts";
import type { RemoteSwitch } from "../switch/remote-switch.ts";

/** Milliseconds that somebody may be alone in a conference that a call became. */
const aloneMs = 1_500;

/** Ends a call that became a conference when one person is left in it, as a call of two would. */
export function endLonelyConferences(control: CallControl, acts: (home: RemoteSwitch) => boolean): void {
  const { calls, log } = control.context;
  calls.on("changed", (call) => {
    const lonely = () => call.conference !== undefined && callOfRoom(call.conference.name) === call.id && call.endedAt === undefined && call.users.size < 2 && call.rescuing.size === 0
      && new Set(call.legsOfTalkers.map(({ user }) => user)).size === 1;
    if (!lonely()) return;
    setTimeout(() => {
      if (!lonely()) return;
      for (const leg of call.legsOfTalkers) {
        if (acts(control.switchOf(leg))) control.end(leg).catch((error: Error) => log.info({ call: call.id, reason: error.message }, "a conference of one could not be ended"));
      }
    }, aloneMs).unref();
  });
}
