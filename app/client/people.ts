import type { Availability, EventData, Person, Profile } from "../protocol/wire.ts";
import { Emitter } from "./emitter.ts";
import type { Request } from "./request.ts";

/** Made once: comparing two names costs a hundred times as much without it. */
const byName = new Intl.Collator();

export interface PeopleEvents {
  /** Somebody, or what is this person's own, changed. */
  changed: [];
}

/** Everybody of the company with their presence, and what this person says of themselves. */
export class People extends Emitter<PeopleEvents> {
  readonly #request: Request;
  readonly #people = new Map<string, Person>();
  /** Users in the order of `list`, until a name or a favourite changes: what changes all day long is presence. */
  #order: string[] | undefined;
  #me: Person | undefined;
  #profile: Profile | undefined;

  /** @internal */
  constructor(request: Request) {
    super();
    this.#request = request;
  }

  get me(): Person | undefined {
    return this.#me;
  }

  /** What this person alone is told: role, permissions, status, favourites, unread and missed. */
  get profile(): Profile | undefined {
    return this.#profile;
  }

  /** Everybody else: favourites first, each part by name. */
  get list(): Person[] {
    const favourites = new Set(this.#profile?.favourites);
    this.#order ??= [...this.#people.values()]
      .sort((one, other) => Number(favourites.has(other.user)) - Number(favourites.has(one.user)) || byName.compare(one.name, other.name)).map(({ user }) => user);
    return this.#order.filter((user) => user !== this.#me?.user).map((user) => this.#people.get(user)!);
  }

  /** What this person says about being reachable. */
  get availability(): Availability {
    return this.#profile?.availability ?? (this.#me?.presence === "do-not-disturb" ? "do-not-disturb" : "available");
  }

  /** Somebody by user name or extension. */
  find(address: string): Person | undefined {
    return this.#people.get(address) ?? [...this.#people.values()].find(({ extension }) => extension === address);
  }

  nameOf(user: string): string {
    return this.#people.get(user)?.name ?? user;
  }

  isFavourite(user: string): boolean {
    return this.#profile?.favourites.includes(user) ?? false;
  }

  may(permission: Profile["permissions"][number]): boolean {
    return this.#profile?.permissions.includes(permission) ?? false;
  }

  /** What others see, until it is changed: availability, and a text such as "back at three". */
  async setStatus(status: { availability?: Availability; text?: string }): Promise<void> {
    const { me, profile } = await this.#request("setStatus", status);
    this.#me = me;
    this.#set(me);
    this.#setProfile(profile);
  }

  async setFavourite(user: string, on: boolean): Promise<void> {
    this.#setProfile((await this.#request("setFavourite", { user, on })).profile);
  }

  async setPreferences(preferences: { language?: "en" | "ru"; voicemail?: boolean }): Promise<void> {
    this.#setProfile((await this.#request("setPreferences", preferences)).profile);
  }

  /** Changes the password; this person's other sessions end. */
  async changePassword(current: string, next: string): Promise<void> {
    await this.#request("changePassword", { current, next });
  }

  /** Asks the server, for companies whose people are too many for one list. */
  async search(text: string, limit?: number): Promise<Person[]> {
    return (await this.#request("searchPeople", { text, limit })).people;
  }

  /** @internal */
  takeSnapshot(me: Person, people: readonly Person[] | undefined, profile: Profile | undefined): void {
    if (people) {
      this.#people.clear();
      for (const person of people) this.#people.set(person.user, person);
    }
    this.#people.set(me.user, me);
    this.#me = me;
    this.#profile = profile;
    this.#order = undefined;
    this.emit("changed");
  }

  /** @internal */
  onPerson({ person }: EventData<"person">): void {
    this.#set(person);
    if (person.user === this.#me?.user) this.#me = person;
    this.emit("changed");
  }

  /** @internal */
  onRemoved({ user }: EventData<"personRemoved">): void {
    this.#people.delete(user);
    this.#order = undefined;
    this.emit("changed");
  }

  /** @internal */
  onProfile({ profile }: EventData<"profile">): void {
    this.#setProfile(profile);
  }

  /** @internal */
  forget(): void {
    this.#people.clear();
    this.#order = undefined;
    this.#me = undefined;
    this.#profile = undefined;
    this.emit("changed");
  }

  #set(person: Person): void {
    if (this.#people.get(person.user)?.name !== person.name) this.#order = undefined;
    this.#people.set(person.user, person);
  }

  #setProfile(profile: Profile): void {
    if (profile.favourites.join() !== this.#profile?.favourites.join()) this.#order = undefined;
    this.#profile = profile;
    this.emit("changed");
  }
}
