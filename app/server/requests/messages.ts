import type { Messages } from "../messages.ts";
import type { People } from "../people.ts";
import { RequestError } from "../sessions/connection.ts";
import type { Store } from "../store/store.ts";
import type { Handlers } from "./handlers.ts";

interface Parts { messages: Messages; people: People; store: Store }

/** Direct messages. */
export function messageRequests({ messages, people, store }: Parts): Handlers<"sendMessage" | "listMessages" | "listConversations" | "markMessages"> {
  return {
    async sendMessage({ user }, { to, body, clientId }) {
      if (!people.row(to)) throw new RequestError("not-found", "There is nobody of that name.");
      if (to === user) throw new RequestError("bad-request", "'sendMessage': a message goes to somebody else.");
      return { message: await messages.send(user, to, body, clientId) };
    },

    async listMessages({ user }, { with: other, before = Number.MAX_SAFE_INTEGER, limit }) {
      return { messages: await store.messages.page(user, other, before, limit) };
    },

    async listConversations({ user }, { limit }) {
      return { conversations: await store.messages.conversations(user, limit) };
    },

    async markMessages({ user }, { with: other, upTo, state }) {
      await messages.mark(other, user, upTo, state);
      return {};
    },
  };
}
