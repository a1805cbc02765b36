import { limits } from "../../protocol/wire.ts";
import { hashPassword, passwordMatches } from "../passwords.ts";
import type { People } from "../people.ts";
import type { Profiles } from "../profiles.ts";
import { RateLimit } from "../../limits/rate-limit.ts";
import type { PeopleIndex } from "../people-index.ts";
import { RequestError } from "../sessions/connection.ts";
import type { Sessions } from "../sessions/sessions.ts";
import type { Store } from "../store/store.ts";
import type { Handlers } from "./handlers.ts";

interface Parts { index: PeopleIndex; people: People; profiles: Profiles; sessions: Sessions; store: Store; profileChanged(user: string): void }

type Names = "setDoNotDisturb" | "setStatus" | "setPreferences" | "setFavourite" | "changePassword" | "searchPeople" | "listDevices" | "signOutDevice";

/** What a person says about themselves, and asks about others. */
export function peopleRequests({ index, people, profiles, sessions, store, profileChanged }: Parts): Handlers<Names> {
  const passwordTries = new RateLimit(5, 12_000);

  return {
    async setDoNotDisturb({ user }, { on }) {
      await people.change(user, { availability: on ? "do-not-disturb" : "available" });
      return { me: me(user) };
    },

    async setStatus({ user }, { availability, text }) {
      await people.change(user, { ...(availability === undefined ? {} : { availability }), ...(text === undefined ? {} : { text: text.trim() }) });
      return { me: me(user), profile: await profileOf(user) };
    },

    async setPreferences({ user }, { language, voicemail }) {
      await people.change(user, { ...(language === undefined ? {} : { language }), ...(voicemail === undefined ? {} : { voicemail }) });
      return { profile: await profileOf(user) };
    },

    async setFavourite({ user }, { user: favourite, on }) {
      if (!people.row(favourite)) throw new RequestError("not-found", "There is nobody of that name.");
      if (on && (await store.people.favourites(user)).length >= limits.favourites) throw new RequestError("too-many", `There are ${limits.favourites} favourites already: remove one first.`);
      await store.people.setFavourite(user, favourite, on);
      profileChanged(user);
      return { profile: await profileOf(user) };
    },

    async changePassword(session, { current, next }) {
      const { user } = session;
      const wait = passwordTries.take(user);
      if (wait > 0) throw new RequestError("too-many", `Too many attempts. Try again in ${Math.ceil(wait / 1_000)} seconds.`);
      const row = people.row(user);
      if (!row || row.password === "" || !await passwordMatches(current, row.password)) throw new RequestError("unauthorized", "The current password is wrong.");
      passwordTries.forgive(user);
      await people.change(user, { password: await hashPassword(next) });
      await sessions.endAll(user, session.id);
      return {};
    },

    searchPeople(_session, { text, limit }) {
      return { people: index.search(text, limit).flatMap((user) => people.person(user) ?? []) };
    },

    async listDevices({ user }) {
      return { devices: await sessions.devicesOf(user) };
    },

    async signOutDevice(session, { device }) {
      if (!await sessions.end(session.user, device)) throw new RequestError("not-found", "There is no such device.");
      return {};
    },
  };

  function me(user: string) {
    const person = people.person(user);
    if (!person) throw new RequestError("not-found", "This person is not here any more.");
    return person;
  }

  async function profileOf(user: string) {
    const profile = await profiles.of(user);
    if (!profile) throw new RequestError("not-found", "This person is not here any more.");
    return profile;
  }
}
