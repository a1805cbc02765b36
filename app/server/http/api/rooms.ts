import type { RoomSettings } from "../../../protocol/rest.ts";
import type { People } from "../../people.ts";
import type { Rooms } from "../../rooms.ts";
import { RequestError } from "../../sessions/connection.ts";
import type { RoomRow } from "../../store/rows.ts";
import type { ApiHandlers } from "./handlers.ts";
import { unlessThere } from "./people.ts";

/** Rooms of one company. */
const mostRooms = 500;
const taken = "There is a room of that name or number already.";

/** Administration of conference rooms. */
export function roomsApi(rooms: Rooms, people: People): ApiHandlers<"listRoomSettings" | "addRoom" | "changeRoom" | "removeRoom"> {
  return {
    listRoomSettings: () => ({ rooms: rooms.all().map(shown) }),

    async addRoom({ body: { name, title, number, pin, moderators } }) {
      if (rooms.all().length >= mostRooms) throw new RequestError("too-many", `There are ${mostRooms} rooms already.`);
      const row: RoomRow = { name, title, number: number ?? null, pin: pin ?? "", moderators };
      check(row);
      await unlessThere(rooms.add(row), taken);
      return { room: shown(row) };
    },

    async changeRoom({ path: { name }, body }) {
      const old = get(name);
      const row: RoomRow = {
        name, title: body.title ?? old.title, number: body.number === undefined ? old.number : body.number,
        pin: body.pin === undefined ? old.pin : body.pin ?? "", moderators: body.moderators ?? old.moderators,
      };
      check(row);
      await unlessThere(rooms.change(row), taken);
      return { room: shown(row) };
    },

    async removeRoom({ path: { name } }) {
      if (!await rooms.remove(name)) throw new RequestError("not-found", `There is no room '${name}'.`);
    },
  };

  function get(name: string): RoomRow {
    const row = rooms.get(name);
    if (!row) throw new RequestError("not-found", `There is no room '${name}'.`);
    return row;
  }

  function check({ number, moderators }: RoomRow): void {
    const person = number === null ? undefined : people.find(number);
    if (person) throw new RequestError("conflict", `${number} is the extension of '${person.user}'.`);
    const nobody = moderators.find((user) => !people.row(user));
    if (nobody !== undefined) throw new RequestError("bad-request", `'moderators': there is nobody called '${nobody}'.`);
  }
}

function shown({ name, title, number, pin, moderators }: RoomRow): RoomSettings {
  return { name, title, moderators, ...(number === null ? {} : { number }), ...(pin === "" ? {} : { pin }) };
}
