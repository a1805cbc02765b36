import type { Profile } from "../protocol/wire.ts";
import type { People } from "./people.ts";
import type { Store } from "./store/store.ts";

/** What people are told about themselves alone. */
export class Profiles {
  readonly #store: Store;
  readonly #people: People;

  constructor(store: Store, people: People) {
    this.#store = store;
    this.#people = people;
  }

  async of(user: string): Promise<Profile | undefined> {
    const [favourites, unreadMessages, missedCalls] = await Promise.all([
      this.#store.people.favourites(user), this.#store.messages.unread(user), this.#store.history.missedSince(user, this.#people.row(user)?.historySeenAt ?? 0),
    ]);
    const row = this.#people.row(user);
    if (!row) return undefined;
    const { role, availability, text, language, voicemail } = row;
    return { role, permissions: [...this.#people.permissionsOf(user)], availability, text, language, voicemail, favourites, missedCalls, unreadMessages };
  }
}
