import { randomUUID } from "node:crypto";
import type { Permission, Supervision } from "../../protocol/wire.ts";
import type { CallControl } from "../calls/control.ts";
import type { Leg, Role, TrackedCall } from "../calls/call.ts";
import { RequestError } from "../sessions/connection.ts";
import * as commands from "../switch/commands.ts";
import * as word from "../switch/words.ts";
import type { Handlers } from "./handlers.ts";

const ownRingSeconds = 20;
const mostListed = 1_000;
const roles: Record<Supervision, Extract<Role, "listening" | "whispering" | "barged-in">> = { listen: "listening", whisper: "whispering", barge: "barged-in" };
const whispers: Record<Supervision, commands.Ringing["whisper"]> = { listen: undefined, whisper: "leg", barge: "both" };

/** What supervisors may do with calls of others. */
export function supervisionRequests(control: CallControl): Handlers<"listCalls" | "supervise" | "endCall"> {
  const { calls } = control.context;

  function need(user: string, permission: Permission): void {
    if (!control.context.may(user, permission)) throw new RequestError("forbidden", "You may not do that.");
  }

  /** A call of others that talks. */
  function supervised(user: string, id: string): TrackedCall {
    const call = calls.get(id);
    if (!call?.callee) throw new RequestError("not-found", "There is no such call.");
    if (call.users.has(user) && !call.legsOf(user).some(({ role }) => role === "barged-in")) throw new RequestError("conflict", "You take part in this call yourself.");
    if (call.answeredAt === undefined) throw new RequestError("conflict", "The call has not been answered.");
    return call;
  }

  function target(call: TrackedCall, whom: string | undefined): Leg {
    const talkers = call.legsOfTalkers.filter(({ answered, role }) => answered && role !== "barged-in");
    const leg = talkers.find(({ user }) => user === (whom ?? call.callee?.user)) ?? (whom === undefined ? talkers[0] : undefined);
    if (!leg) throw new RequestError("conflict", whom === undefined ? "Nobody talks in this call at the moment." : "Nobody of that name talks in this call.");
    return leg;
  }

  return {
    listCalls({ user }) {
      need(user, "supervise.see");
      return { calls: calls.all.flatMap((call) => calls.view(call, true) ?? []).slice(0, mostListed) };
    },

    async supervise({ user, id }, { call: callId, mode, user: whom }) {
      need(user, `supervise.${mode}`);
      return control.one(callId, async () => {
        const call = supervised(user, callId);
        const leg = target(call, whom);
        const home = control.switchOf(leg);
        const before = [...call.legs.values()].find((one) => one.user === user);
        const { registration } = await control.registration(user, id, { call, home });
        // Another way of taking part is another leg: what one hears and who hears them is settled when it begins.
        if (before) await control.end(before);
        const then: commands.Application = mode === "barge" && call.conference
          ? { application: "conference", room: word.room(call.conference.name), flags: [] }
          : { application: "eavesdrop", leg: word.uuid(leg.uuid) };
        const whisper = then.application === "eavesdrop" ? whispers[mode] : undefined;
        await control.ring({
          call, home, user, role: roles[mode], devices: [{ registration, leg: randomUUID() }], autoAnswer: true, shown: control.context.find(leg.user)!, then, timeoutSeconds: ownRingSeconds,
          ...(whisper === undefined ? {} : { whisper }),
        });
        return {};
      });
    },

    async endCall({ user }, { call: callId }) {
      need(user, "supervise.end");
      if (!calls.get(callId)?.callee) throw new RequestError("not-found", "There is no such call.");
      return control.one(callId, async () => {
        const call = calls.get(callId);
        if (!call) return {};
        for (const one of call.users) await control.tell(call, "leaving", one, "removed");
        for (const leg of [...call.legs.values()]) await control.end(leg);
        if (call.legs.size === 0 && call.endedAt === undefined) calls.finish(call, "removed");
        return {};
      });
    },
  };
}
