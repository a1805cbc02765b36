import type { Calls } from "../../calls/calls.ts";
import type { History } from "../../history.ts";
import type { People } from "../../people.ts";
import { RequestError } from "../../sessions/connection.ts";
import type { Sessions } from "../../sessions/sessions.ts";
import type { Caller } from "../../sign-in.ts";
import type { Telephone } from "../../telephone.ts";
import type { ApiHandlers } from "./handlers.ts";

interface Parts { calls: Calls; people: People; sessions: Sessions; history: History; command: Telephone["command"] }

/** Calls, for other servers. */
export function callsApi({ calls, people, sessions, history, command }: Parts): ApiHandlers<"listLiveCalls" | "listPastCalls" | "placeCall" | "endCall"> {
  return {
    listLiveCalls: () => ({ calls: calls.all.flatMap((call) => call.view() ?? []) }),

    async listPastCalls({ query: { before = Number.MAX_SAFE_INTEGER, limit } }) {
      return { calls: await history.pageOfAll(before, limit) };
    },

    async placeCall({ body: { from, to, device } }, caller) {
      if (!people.row(from)) throw new RequestError("not-found", `There is nobody called '${from}'.`);
      if (!isOwn(caller, from)) throw new RequestError("forbidden", "A person's own token places calls for that person alone.");
      const at = device ?? (await sessions.devicesOf(from)).findLast(({ connected }) => connected)?.id;
      if (at === undefined) throw new RequestError("conflict", `'${from}' has no device that is connected.`);
      return await command("call", { user: from, id: at, may: (permission) => caller.permissions.has(permission) }, { to });
    },

    async endCall({ path: { call: id } }, caller) {
      const call = calls.get(id);
      const user = caller.user ?? call?.caller.user;
      if (!call || user === undefined || !call.users.has(user)) throw new RequestError("not-found", "There is no such call.");
      await command("hangup", { user, id: "", may: (permission) => caller.permissions.has(permission) }, { call: id });
    },
  };

  function isOwn(caller: Caller, user: string): boolean {
    return caller.user === null || caller.user === user;
  }
}
