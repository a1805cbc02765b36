import type { Room } from "../../protocol/wire.ts";
import type { Conference, Member } from "../calls/conference.ts";
import { callOfRoom } from "../calls/conference.ts";
import type { CallControl } from "../calls/control.ts";
import { RequestError } from "../sessions/connection.ts";
import * as commands from "../switch/commands.ts";
import * as word from "../switch/words.ts";
import type { Handlers } from "./handlers.ts";

/** A room as whoever keeps the company's rooms has it. */
export type CompanyRoom = Pick<Room, "name" | "title" | "moderators"> & { number?: string };

export interface CompanyRooms { rooms(): readonly CompanyRoom[] }

/** A room with who is in it. */
export function roomView(control: CallControl, room: CompanyRoom, conference: Conference | undefined): Room {
  const { calls, find } = control.context;
  const members = [...conference?.members.values() ?? []].flatMap((member) => {
    const leg = calls.withLeg(member.uuid)?.legs.get(member.uuid);
    const party = leg && leg.role !== "listening" && leg.role !== "whispering" ? find(leg.user) : undefined;
    return party ? [{ ...party, muted: member.muted, moderator: member.moderator }] : [];
  });
  return { name: room.name, title: room.title, ...(room.number === undefined ? {} : { number: room.number }), moderators: room.moderators, locked: conference?.locked ?? false, members };
}

/** Rooms of the company; whoever is in a call that became a conference moderates that as well. */
export function roomRequests(control: CallControl, company: CompanyRooms): Handlers<"listRooms" | "moderate"> {
  const { calls } = control.context;

  function known(name: string): CompanyRoom | undefined {
    return company.rooms().find((room) => room.name === name);
  }

  function membersOf(conference: Conference, user: string): Member[] {
    return [...conference.members.values()].filter(({ uuid }) => calls.withLeg(uuid)?.legs.get(uuid)?.user === user);
  }

  return {
    listRooms: () => ({
      rooms: [
        ...company.rooms().map((room) => roomView(control, room, calls.conferences.get(room.name))),
        ...calls.conferences.all.filter(({ name }) => callOfRoom(name) === undefined && !known(name))
          .map((conference) => roomView(control, { name: conference.name, title: conference.name, moderators: [] }, conference)),
      ],
    }),

    async moderate(asking, { room: name, command }) {
      const { user } = asking;
      const conference = calls.conferences.get(name);
      const began = calls.get(callOfRoom(name) ?? "")?.caller.user === user;
      const takesPart = conference && membersOf(conference, user).length > 0;
      // A call of others that became a conference is theirs alone.
      if (callOfRoom(name) !== undefined && !takesPart) throw new RequestError("not-found", "There is no such room.");
      if (!conference) throw new RequestError(known(name) ? "conflict" : "not-found", known(name) ? "Nobody is in the room." : "There is no such room.");
      const allowed = began || asking.may("rooms.moderate") || known(name)?.moderators.includes(user) || membersOf(conference, user).some(({ moderator }) => moderator);
      if (!allowed) throw new RequestError("forbidden", "Only moderators of the room may do that.");
      const room = word.room(name);
      const run = (one: commands.EslCommand) => control.run(conference, one);
      return control.one(`room ${name}`, async () => {
        switch (command.action) {
          case "mute": case "unmute": case "kick": {
            const members = membersOf(conference, command.user);
            if (members.length === 0) throw new RequestError("conflict", "Nobody of that name is in the room.");
            for (const { member, uuid } of members) {
              const call = calls.withLeg(uuid);
              if (command.action === "kick" && call) await control.tell(call, "leaving", command.user, "removed");
              await run(commands.conference[command.action](room, word.member(member)));
            }
            break;
          }
          case "mute-all": await run(commands.conference.mute(room, "non_moderator")); break;
          case "unmute-all": await run(commands.conference.unmute(room, "all")); break;
          case "lock": await run(commands.conference.lock(room)); break;
          case "unlock": await run(commands.conference.unlock(room)); break;
          case "announce": await run(commands.conference.play(room, command.prompt)); break;
        }
        return {};
      });
    },
  };
}
