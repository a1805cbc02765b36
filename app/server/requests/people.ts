import type { People } from "../people.ts";
import type { Handlers } from "./handlers.ts";

/** What a person says about themselves. */
export function peopleRequests(people: People): Handlers<"setDoNotDisturb"> {
  return {
    async setDoNotDisturb({ user }, { on }) {
      await people.setDoNotDisturb(user, on);
      return { me: people.person(user)! };
    },
  };
}
