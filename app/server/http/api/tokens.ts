import type { Token } from "../../../protocol/rest.ts";
import { mostTokens, type ApiTokens } from "../../api-tokens.ts";
import type { People } from "../../people.ts";
import { RequestError } from "../../sessions/connection.ts";
import type { Sessions } from "../../sessions/sessions.ts";
import type { TokenRow } from "../../store/rows.ts";
import type { ApiHandlers } from "./handlers.ts";
import { unlessThere } from "./people.ts";

interface Parts { tokens: ApiTokens; people: People; sessions: Sessions }

/** Administration of API tokens. */
export function tokensApi({ tokens, people, sessions }: Parts): ApiHandlers<"listTokens" | "addToken" | "removeToken"> {
  return {
    listTokens: () => ({ tokens: tokens.list().map(shown) }),

    async addToken({ body: { name, user, scopes, expiresAt } }, caller) {
      const missing = scopes.find((scope) => !caller.permissions.has(scope));
      if (missing !== undefined) throw new RequestError("forbidden", `A token can't allow '${missing}' when whoever makes it may not do that.`);
      if (user !== undefined && !people.row(user)) throw new RequestError("not-found", `There is nobody called '${user}'.`);
      // By somebody's token, one is that person.
      const more = [...people.permissionsOf(user ?? "")].find((scope) => !caller.permissions.has(scope));
      if (more !== undefined) throw new RequestError("forbidden", `'${user}' has the permission '${more}': only somebody who has it too may make a token of theirs.`);
      if (tokens.list().length >= mostTokens) throw new RequestError("too-many", `There are ${mostTokens} tokens already: revoke one first.`);
      if (expiresAt !== undefined && expiresAt <= Date.now()) throw new RequestError("bad-request", "'expiresAt' has passed.");
      const { token, row } = await unlessThere(tokens.issue({ name, user: user ?? null, scopes: [...new Set(scopes)], expiresAt: expiresAt ?? null }), "There is a token of that name already.");
      return { ...shown(row), token };
    },

    async removeToken({ path: { id } }) {
      if (!await tokens.revoke(id, sessions)) throw new RequestError("not-found", "There is no such token.");
    },
  };
}

function shown({ id, name, user, scopes, createdAt, lastUsedAt, expiresAt }: TokenRow): Token {
  return { id, name, scopes, createdAt, ...(user === null ? {} : { user }), ...(lastUsedAt === null ? {} : { lastUsedAt }), ...(expiresAt === null ? {} : { expiresAt }) };
}
