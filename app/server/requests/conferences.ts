import { randomUUID } from "node:crypto";
import { limits } from "../../protocol/wire.ts";
import type { TrackedCall } from "../calls/call.ts";
import { roomOfCall } from "../calls/conference.ts";
import type { CallControl } from "../calls/control.ts";
import { RequestError } from "../sessions/connection.ts";
import * as commands from "../switch/commands.ts";
import * as word from "../switch/words.ts";
import type { Asking, Handlers } from "./handlers.ts";

/** Seconds that somebody who is added rings. */
const ringSeconds = 45;

/** A call of more than two: every call can become one. */
export function conferenceRequests(control: CallControl): Handlers<"conference" | "addParticipant" | "removeParticipant"> {
  const { calls } = control.context;

  /** Takes both sides of a call, and of its consultation, into a conference named after it. */
  async function convert(call: TrackedCall, user: string): Promise<string> {
    if (call.conference) return call.conference.name;
    const own = control.own(call, user);
    const peer = control.peer(call, user);
    const name = word.room(roomOfCall(call.id));
    const asking = call.consultation === undefined ? undefined : calls.get(call.consultation);
    const into: commands.Application = { application: "conference", room: name, flags: [] };
    if (asking?.answeredAt !== undefined) {
      const ownThere = control.own(asking, user);
      // Music that was begun by holding would go on in the conference.
      await control.endMusic(own);
      await control.setHold(asking, ownThere, false);
      await control.run(peer, commands.transferInto(word.uuid(peer.uuid), into));
      await control.run(ownThere, commands.transferInto(word.uuid(ownThere.uuid), into, true));
      await control.end(own);
    } else {
      await Promise.all([own, peer].map((leg) => control.setHold(call, leg, false)));
      await control.run(own, commands.transferInto(word.uuid(own.uuid), into, true));
    }
    return name;
  }

  /** Whether somebody may take others out of a conference. */
  function moderates(call: TrackedCall, asking: Asking): boolean {
    return call.caller.user === asking.user || asking.may("rooms.moderate")
      || call.legsOf(asking.user).some((leg) => call.conference?.members.get(leg.uuid)?.moderator);
  }

  return {
    conference: ({ user }, { call: callId }) => control.withCall(user, callId, async (call) => ({ room: await convert(call.consults === undefined ? call : calls.get(call.consults) ?? call, user) })),

    addParticipant: ({ user }, { call: callId, to }) => control.withCall(user, callId, async (call) => {
      const party = control.other(user, to);
      if (call.users.has(party.user)) throw new RequestError("conflict", `${party.name} is in this call already.`);
      if (call.users.size >= limits.participants) throw new RequestError("too-many", `A call has room for ${limits.participants} people: use a room for more.`);
      if (control.context.doNotDisturb(party.user)) throw new RequestError("conflict", `${party.name} does not want to be disturbed.`);
      const home = control.switchOf(control.own(call, user));
      const name = word.room(await convert(call, user));
      const registered = home.registrations.of(party.user);
      control.ring({
        call, home, user: party.user, role: "added", autoAnswer: false, shown: control.context.find(user)!, then: { application: "conference", room: name, flags: [] }, timeoutSeconds: ringSeconds,
        ...(registered.length === 0 ? {} : { devices: registered.map((registration) => ({ registration, leg: randomUUID() })) }),
      }).catch((error: Error) => control.context.log.info({ call: call.id, reason: error.message }, "somebody who was added did not answer"));
      return {};
    }),

    removeParticipant: (asking, { call: callId, user: whom }) => control.withCall(asking.user, callId, async (call) => {
      const legs = call.legsOf(whom);
      if (legs.length === 0 || whom === asking.user) throw new RequestError("conflict", "Nobody of that name is in this call.");
      if (!call.conference && legs.some(({ role }) => role !== "added")) throw new RequestError("conflict", "This is no conference.");
      if (!moderates(call, asking)) throw new RequestError("forbidden", "Only whoever began the call, or moderates it, may do that.");
      await control.tell(call, "leaving", whom, "removed");
      for (const leg of legs) await control.end(leg);
      return {};
    }),
  };
}
