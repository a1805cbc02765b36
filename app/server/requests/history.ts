import type { History } from "../history.ts";
import type { People } from "../people.ts";
import type { Handlers } from "./handlers.ts";

/** Calls that are over. */
export function historyRequests(history: History, people: People): Handlers<"history" | "markHistorySeen"> {
  return {
    async history({ user }, { before = Number.MAX_SAFE_INTEGER, limit, missedOnly, with: peer }) {
      return { entries: await history.page(user, { before, limit, missedOnly, with: peer }) };
    },

    async markHistorySeen({ user }) {
      await people.change(user, { historySeenAt: Date.now() });
      return {};
    },
  };
}
