import { randomUUID } from "node:crypto";
import type { TrackedCall } from "../calls/call.ts";
import type { CallControl } from "../calls/control.ts";
import { RequestError } from "../sessions/connection.ts";
import * as commands from "../switch/commands.ts";
import * as word from "../switch/words.ts";
import type { Handlers } from "./handlers.ts";

const ownRingSeconds = 20;

/** Blind and attended transfer. */
export function transferRequests(control: CallControl): Handlers<"transfer" | "consult" | "swap" | "completeTransfer" | "cancelTransfer"> {
  const { calls } = control.context;

  /** The call that is to be transferred and the one by which its person asks, whichever of the two was named. */
  function pair(call: TrackedCall, user: string): { held: TrackedCall; asking: TrackedCall } {
    const asked = call.consults === undefined ? undefined : calls.get(call.consults);
    if (asked) return { held: asked, asking: call };
    const consultation = call.consultation === undefined ? undefined : calls.get(call.consultation);
    // A page that calls somebody itself, beside the call that it holds, asks too.
    const asking = consultation ?? calls.of(user).find((other) => other !== call && other.caller.user === user && other.startedAt > call.startedAt && !other.conference);
    if (!asking) throw new RequestError("conflict", "Nobody is being asked: begin with a consultation.");
    return { held: call, asking };
  }

  /** Works on both calls at once; whoever is asked must be asked by this person. */
  async function withPair(user: string, callId: string, work: (held: TrackedCall, asking: TrackedCall) => Promise<void>): Promise<Record<string, never>> {
    await control.withCall(user, callId, async (call) => {
      const { held, asking } = pair(call, user);
      if (!held.users.has(user) || !asking.users.has(user)) throw new RequestError("conflict", "Nobody is being asked: begin with a consultation.");
      await work(held, asking);
    });
    return {};
  }

  const setHold = (call: TrackedCall, user: string, on: boolean): Promise<void> => control.setHold(call, control.own(call, user), on);

  return {
    transfer: ({ user }, { call: callId, to }) => control.withCall(user, callId, async (call) => {
      const own = control.own(call, user);
      const peer = control.peer(call, user);
      const party = control.context.find(to);
      if (party?.user === user || party?.user === peer.user) throw new RequestError("conflict", `${party.name} is in this call already.`);
      if (/^[a-z]/.test(to) && !to.startsWith("room-")) control.other(user, to);
      await control.tell(call, "leaving", user, "transferred");
      await control.run(peer, commands.transfer(word.uuid(peer.uuid), word.destination(to)));
      await control.end(own);
      return {};
    }),

    consult: ({ user, id }, { call: callId, to }) => control.withCall(user, callId, async (call) => {
      const own = control.own(call, user);
      control.peer(call, user);
      if (call.consultation !== undefined) throw new RequestError("conflict", "Somebody is being asked already.");
      const me = control.context.find(user)!;
      const dialled = word.destination(to);
      if (control.context.find(to)?.user === user) throw new RequestError("conflict", "That is your own number.");
      const home = control.switchOf(own);
      const registration = home.registrations.ofAccount(own.account || home.registrations.byInstance(own.instance)?.account || "") ?? (await control.registration(user, id, { call, home })).registration;
      await setHold(call, user, true);
      const asking = calls.open(randomUUID(), home, me, to, call);
      control.ring({
        call: asking, home, user, role: "caller", devices: [{ registration, leg: asking.id }], autoAnswer: true, shown: asking.callee ?? { user, name: to, extension: "00" }, as: me, to,
        consults: call.id, then: { extension: dialled }, timeoutSeconds: ownRingSeconds,
      }).catch(() => {
        if (asking.legs.size === 0) calls.finish(asking, "failed");
      });
      return { consultation: asking.id };
    }),

    swap: ({ user }, { call }) => withPair(user, call, async (one, other) => {
      const [talks, waits] = control.own(one, user).held ? [other, one] : [one, other];
      // Both at once: each takes the switch a moment.
      await Promise.all([setHold(talks, user, true), setHold(waits, user, false)]);
    }),

    completeTransfer: ({ user }, { call }) => withPair(user, call, async (held, asking) => {
      const first = control.peer(held, user);
      const own = [...held.legsOf(user), ...asking.legsOf(user)];
      if (asking.answeredAt === undefined) {
        // Nobody has answered yet: the other side rings them instead.
        if (!asking.callee) throw new RequestError("conflict", "Nobody has answered yet.");
        await control.tell(held, "leaving", user, "transferred");
        await control.run(first, commands.transfer(word.uuid(first.uuid), word.destination(asking.callee.user)));
      } else {
        const second = control.peer(asking, user);
        await control.tell(held, "leaving", user, "transferred");
        await control.tell(asking, "leaving", user, "transferred");
        // Music that was begun by holding would go on after it: the switch answers when it has stopped.
        for (const leg of own) await control.endMusic(leg);
        await control.run(first, commands.bridge(word.uuid(first.uuid), word.uuid(second.uuid)));
      }
      for (const leg of own) await control.end(leg, "ATTENDED_TRANSFER");
    }),

    cancelTransfer: ({ user }, { call }) => withPair(user, call, async (held, asking) => {
      for (const leg of asking.legsOf(user)) await control.end(leg);
      await setHold(held, user, false);
    }),
  };
}
