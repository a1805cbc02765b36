import { EventEmitter } from "node:events";
import { extension, userName, type Person, type Presence } from "../protocol/wire.ts";
import type { Party } from "./calls/call.ts";
import type { Directory } from "./calls/calls.ts";
import type { Logger } from "./log.ts";
import { hashPassword, passwordMatches } from "./passwords.ts";
import type { PersonRow, Store } from "./store/store.ts";

/** Everybody in the company, with what they are doing. */
interface PeopleEvents {
  /** Somebody's presence or name changed, or somebody is new. */
  changed: [person: Person];
}

const demoPeople = [
  { user: "anna", name: "Anna Petrova", extension: "101" },
  { user: "boris", name: "Boris Weber", extension: "102" },
  { user: "clara", name: "Clara Dubois", extension: "103" },
  { user: "dmitri", name: "Dmitri Orlov", extension: "104" },
];

/** What people's presence is made from. */
export interface PresenceSource {
  /** Who is signed in, on this server or another. */
  online(): ReadonlySet<string>;
  inCall(user: string): "in-call" | "ringing" | undefined;
  /** Makes every switch ask again about somebody; ends when each has been told, or could not be. */
  forget(user: string): Promise<void>;
}

export class People extends EventEmitter<PeopleEvents> implements Directory {
  readonly #store: Store;
  readonly #log: Logger;
  #rows = new Map<string, PersonRow>();
  #byExtension = new Map<string, PersonRow>();
  #source: PresenceSource | undefined;
  /** As last told. */
  readonly #told = new Map<string, Person>();

  constructor(store: Store, log: Logger) {
    super();
    this.#store = store;
    this.#log = log;
    this.reload();
  }

  /** Presence is known from now on. */
  watch(source: PresenceSource): void {
    this.#source = source;
    for (const person of this.list()) this.#told.set(person.user, person);
  }

  /** Reads everybody again: another release may have changed them. */
  reload(): void {
    const before = this.#rows;
    this.#rows = new Map(this.#store.people().filter(isSound).map((row) => [row.user, row]));
    this.#byExtension = new Map([...this.#rows.values()].map((row) => [row.extension, row]));
    for (const row of this.#rows.values()) {
      const old = before.get(row.user);
      if (old && (old.doNotDisturb !== row.doNotDisturb || old.name !== row.name || old.extension !== row.extension)) void this.#source?.forget(row.user);
    }
  }

  /** Makes the people of a demonstration, all with one password. */
  async seedDemo(password: string): Promise<void> {
    if (password === "") return;
    for (const person of demoPeople) {
      const row = this.#rows.get(person.user);
      if (row && await passwordMatches(password, row.password)) continue;
      this.#store.putPerson({ ...person, password: await hashPassword(password) });
    }
    this.reload();
    this.#log.info({ people: demoPeople.map(({ user }) => user) }, "demo people are there");
  }

  row(user: string): PersonRow | undefined {
    return this.#rows.get(user);
  }

  find(address: string): Party | undefined {
    const row = this.#rows.get(address) ?? this.#byExtension.get(address);
    return row && { user: row.user, name: row.name, extension: row.extension };
  }

  doNotDisturb(user: string): boolean {
    return this.#rows.get(user)?.doNotDisturb ?? false;
  }

  person(user: string): Person | undefined {
    const row = this.#rows.get(user);
    return row && { user, name: row.name, extension: row.extension, presence: this.#presence(row) };
  }

  list(): Person[] {
    return [...this.#rows.keys()].map((user) => this.person(user)!);
  }

  /** Others hear of it only once no switch rings this person any more. */
  async setDoNotDisturb(user: string, on: boolean): Promise<void> {
    const row = this.#rows.get(user);
    if (!row || row.doNotDisturb === on) return;
    this.#store.setDoNotDisturb(user, on);
    row.doNotDisturb = on;
    await this.#source?.forget(user);
    this.refresh(user);
  }

  /** Tells of whoever is doing something else than last told. */
  refresh(...users: string[]): void {
    if (!this.#source) return;
    for (const user of users.length > 0 ? users : this.#rows.keys()) {
      const person = this.person(user);
      const told = this.#told.get(user);
      if (!person || (told && told.presence === person.presence && told.name === person.name && told.extension === person.extension)) continue;
      this.#told.set(user, person);
      this.emit("changed", person);
    }
  }

  #presence({ user, doNotDisturb }: PersonRow): Presence {
    const inCall = this.#source?.inCall(user);
    if (inCall) return inCall;
    if (!this.#source?.online().has(user)) return "offline";
    return doNotDisturb ? "do-not-disturb" : "available";
  }
}

/** A row that was put there by hand and could not be spoken of on the wire is passed over. */
function isSound({ user, extension: number }: PersonRow): boolean {
  return userName.safeParse(user).success && extension.safeParse(number).success;
}
