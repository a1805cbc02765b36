import { randomUUID } from "node:crypto";
import type { TrackedCall } from "../calls/call.ts";
import type { CallControl } from "../calls/control.ts";
import type { Rescue } from "../calls/rescue.ts";
import { RequestError } from "../sessions/connection.ts";
import * as commands from "../switch/commands.ts";
import type { RemoteSwitch } from "../switch/remote-switch.ts";
import * as word from "../switch/words.ts";
import type { Handlers } from "./handlers.ts";

/** Seconds in which a person's own device has to answer a call that they asked for. */
const ownRingSeconds = 20;

/** Whom somebody called last, for redial. */
export interface LastCalled { lastCalled(user: string): string | undefined | Promise<string | undefined> }

/** Commands about a call of two. */
export function callRequests(control: CallControl, history: LastCalled, rescue: Pick<Rescue, "bring" | "doubt">): Handlers<"call" | "redial" | "answer" | "decline" | "hangup" | "hold" | "unhold" | "mute" | "sendDigits" | "moveCall"> {
  const { calls } = control.context;

  /** Rings the person's device first; once that has answered, the dialplan rings the other side. */
  async function place(user: string, to: string, device: string): Promise<{ call: string }> {
    const { home, registration } = await control.registration(user, device);
    const me = control.context.find(user)!;
    const dialled = word.destination(to);
    if (control.context.find(to)?.user === user) throw new RequestError("conflict", "That is your own number.");
    const call = calls.open(randomUUID(), home, me, to);
    const shown = call.callee ?? { user, name: to, extension: "00" };
    control.ring({
      call, home, user, role: "caller", devices: [{ registration, leg: call.id }], autoAnswer: true, shown, as: me, to, then: { extension: dialled }, timeoutSeconds: ownRingSeconds,
    }).catch((error: Error) => {
      control.context.log.info({ call: call.id, reason: error.message }, "the device of the caller did not answer");
      // A leg that was there has ended the call with its own cause.
      if (call.legs.size === 0) calls.finish(call, "failed");
    });
    return { call: call.id };
  }

  async function move(call: TrackedCall, user: string, device: string): Promise<void> {
    const own = call.legsOf(user).filter(({ answered }) => answered);
    const missing = call.rescuing.get(user);
    if (own.length === 0 && !missing) throw new RequestError("conflict", "The call has not been answered.");
    // Whoever vanished together with the other side waits for them where both register.
    const isAlone = missing !== undefined && call.legsOfTalkers.every((leg) => leg.user === user || !leg.answered || call.rescuing.has(leg.user));
    const wanted = call.conference ? call.conference.home as RemoteSwitch : isAlone ? undefined : control.switchOf(missing && own.length === 0 ? call : control.peer(call, user));
    const { home, registration } = await control.registration(user, device, wanted && { call, home: wanted });
    if (missing && !call.conference) return rescue.bring(call, user, home, registration);
    if (own[0]?.instance === registration.instance && !missing) return rescue.doubt(registration.account);
    const role = own[0]?.role ?? missing?.role ?? "callee";
    if (call.conference) {
      const moderates = call.conference.members.get(own[0]?.uuid ?? "")?.moderator;
      await control.ring({
        call, home, user, role, devices: [{ registration, leg: randomUUID() }], autoAnswer: true, shown: call.callee!, timeoutSeconds: ownRingSeconds,
        then: { application: "conference", room: word.room(call.conference.name), flags: moderates ? ["moderator"] : [] },
      });
    } else await control.bringIn(call, user, registration, control.peer(call, user), role, ownRingSeconds);
    await control.tell(call, "back", user);
    // Most have ended by themselves when their peer went.
    for (const leg of own) await control.end(leg, "PICKED_OFF");
  }

  return {
    call: ({ user, id }, { to, device = id }) => control.one(`place ${user}`, () => place(user, to, device)),

    async redial({ user, id }, { device = id }) {
      const to = await history.lastCalled(user);
      if (to === undefined) throw new RequestError("conflict", "You have not called anybody yet.");
      return control.one(`place ${user}`, () => place(user, to, device));
    },

    answer: ({ user, id }, { call: callId, device = id }) => control.withCall(user, callId, async (call) => {
      const ringing = call.legsOf(user).filter(({ answered, direction }) => !answered && direction === "outbound");
      if (call.legsOf(user)[0]?.answered) return {};
      const account = await control.context.accountOf(user, device);
      if (account === undefined) throw new RequestError("not-found", "There is no such device of yours.");
      if (!ringing.some((leg) => control.switchOf(leg).registrations.byInstance(leg.instance)?.account === account)) throw new RequestError("conflict", "The call does not ring on that device.");
      await control.ask("answer", call, user, device);
      return {};
    }),

    async decline({ user }, { call: callId, reason }) {
      if (control.hadEnded(user, callId)) return {};
      return control.withCall(user, callId, async (call) => {
        const ringing = call.legsOf(user).filter(({ answered, role }) => !answered && role !== "caller");
        if (ringing.length === 0) throw new RequestError("conflict", "The call does not ring any more.");
        for (const leg of ringing) await control.end(leg, reason === "busy" ? "USER_BUSY" : "CALL_REJECTED");
        return {};
      });
    },

    async hangup({ user }, { call: callId }) {
      if (control.hadEnded(user, callId)) return {};
      return control.withCall(user, callId, async (call) => {
        const own = call.legsOf(user);
        const others = new Set(call.legsOfTalkers.filter((leg) => leg.user !== user && leg.answered).map((leg) => leg.user));
        const ringing = own.length > 0 && own.every(({ answered, role }) => !answered && role !== "caller");
        if (ringing) for (const leg of own) await control.end(leg, "CALL_REJECTED");
        else if (call.rescuing.size > 0 && !call.conference) {
          const legs = [...call.legs.values()];
          await control.tell(call, "over", user, "hung-up");
          for (const leg of legs) await control.end(leg);
        } else {
          await control.tell(call, "leaving", user, "hung-up");
          const staying = call.conference !== undefined && others.size > 1;
          // Whoever still talks to nobody else goes too.
          for (const leg of [...own, ...(staying ? [] : call.legsOfTalkers.filter((leg) => leg.user !== user))]) await control.end(leg);
          if (call.legs.size === 0 && call.endedAt === undefined) calls.finish(call, "hung-up");
        }
        return {};
      });
    },

    hold: ({ user }, { call: callId }) => control.withCall(user, callId, async (call) => {
      const leg = control.own(call, user);
      if (call.conference) throw new RequestError("conflict", "A conference can't be put on hold: mute yourself instead.");
      await control.setHold(call, leg, true);
      return {};
    }),

    unhold: ({ user }, { call: callId }) => control.withCall(user, callId, async (call) => {
      await control.setHold(call, control.own(call, user), false);
      return {};
    }),

    mute: ({ user }, { call: callId, on }) => control.withCall(user, callId, async (call) => {
      const leg = control.own(call, user);
      const uuid = word.uuid(leg.uuid);
      const member = call.conference?.members.get(leg.uuid);
      if (call.conference && member) {
        const [room, who] = [word.room(call.conference.name), word.member(member.member)];
        await control.run(leg, on ? commands.conference.mute(room, who) : commands.conference.unmute(room, who));
        return {};
      }
      if (leg.muted === on) return {};
      await control.run(leg, on ? commands.silence(uuid) : commands.unsilence(uuid));
      await control.run(leg, commands.mark(uuid, { name: "houseline_muted", value: on ? "true" : "false" }));
      await control.tell(call, on ? "muted" : "unmuted", user);
      return {};
    }),

    sendDigits: ({ user }, { call: callId, digits }) => control.withCall(user, callId, async (call) => {
      const leg = control.own(call, user);
      await control.run(leg, commands.tonesFrom(word.uuid(leg.uuid), word.tones(digits)));
      return {};
    }),

    moveCall: ({ user, id }, { call: callId, device = id }) => control.withCall(user, callId, async (call) => {
      // A page that was loaded again asks for the call that a rescue is bringing it already.
      await control.bringing(call, user);
      await control.bringOnce(call, user, () => move(call, user, device));
      return {};
    }),
  };
}
