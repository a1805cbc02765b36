import { randomBytes } from "node:crypto";
import type { Account } from "../../../protocol/rest.ts";
import { roles, type Role } from "../../../protocol/wire.ts";
import type { Newcomers } from "../../newcomers.ts";
import { hashPassword } from "../../passwords.ts";
import type { People } from "../../people.ts";
import type { PeopleIndex } from "../../people-index.ts";
import type { Rooms } from "../../rooms.ts";
import { RequestError } from "../../sessions/connection.ts";
import type { Sessions } from "../../sessions/sessions.ts";
import type { Caller } from "../../sign-in.ts";
import { AlreadyThere } from "../../store/database.ts";
import type { ApiHandlers } from "./handlers.ts";

interface Parts { people: People; sessions: Sessions; rooms: Rooms; newcomers: Newcomers; index: PeopleIndex }

/** Administration of people. */
export function peopleApi({ people, sessions, rooms, newcomers, index }: Parts): ApiHandlers<"listPeople" | "addPerson" | "getPerson" | "changePerson" | "setPassword" | "removePerson"> {
  return {
    listPeople({ query: { after = "", limit, search } }) {
      const users = search === undefined ? [...people.rows()].map(({ user }) => user).filter((user) => user > after).sort().slice(0, limit) : index.search(search, limit);
      return { people: users.map(account) };
    },

    async addPerson({ body }, caller) {
      mayGive(caller, body.role);
      const password = body.password === undefined ? madePassword() : body.password;
      const extension = body.extension ?? newcomers.free();
      refuseNumberOfRoom(extension);
      await unlessThere(people.add({ user: body.user, name: body.name, extension, role: body.role, password: password === null ? "" : await hashPassword(password) }));
      return { person: account(body.user), ...(body.password === undefined ? { password: password! } : {}) };
    },

    getPerson: ({ path: { user } }) => ({ person: account(user) }),

    async changePerson({ path: { user }, body }, caller) {
      mayTouch(caller, user);
      if (body.role !== undefined) mayGive(caller, body.role);
      if (body.extension !== undefined) refuseNumberOfRoom(body.extension);
      await unlessThere(people.change(user, body));
      return { person: account(user) };
    },

    async setPassword({ path: { user }, body }, caller) {
      mayTouch(caller, user);
      const password = body.password ?? madePassword();
      await people.change(user, { password: await hashPassword(password) });
      await sessions.endAll(user);
      return body.password === undefined ? { password } : {};
    },

    async removePerson({ path: { user } }, caller) {
      mayTouch(caller, user);
      await sessions.endAll(user);
      await people.remove(user);
    },
  };

  function account(user: string): Account {
    const [person, row] = [people.person(user), people.row(user)];
    if (!person || !row) throw new RequestError("not-found", `There is nobody called '${user}'.`);
    return { ...person, role: row.role, hasPassword: row.password !== "" };
  }

  /** Nobody makes somebody mightier than themselves, or takes over who is. */
  function mayGive(caller: Caller, role: Role): void {
    const missing = roles[role].find((permission) => !caller.permissions.has(permission));
    if (missing !== undefined) throw new RequestError("forbidden", `Only somebody with the permission '${missing}' may give the role '${role}', or change who has it.`);
  }

  function mayTouch(caller: Caller, user: string): void {
    const row = people.row(user);
    if (!row) throw new RequestError("not-found", `There is nobody called '${user}'.`);
    if (row.role !== "member") mayGive(caller, row.role);
  }

  function refuseNumberOfRoom(extension: string): void {
    const room = rooms.find(extension);
    if (room) throw new RequestError("conflict", `${extension} is the number of the room '${room.name}'.`);
  }
}

/** Two people can't share a user name or an extension. */
export async function unlessThere<T>(work: Promise<T>, sentence = "Somebody has that user name or extension already."): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof AlreadyThere ? new RequestError("conflict", sentence) : error;
  }
}

/** 96 bits, as a person can type them. */
function madePassword(): string {
  return randomBytes(12).toString("base64url");
}
