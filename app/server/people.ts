import { createHash } from "node:crypto";
import { EventEmitter } from "node:events";
import { extension, roles, userName, type Permission, type Person, type Presence } from "../protocol/wire.ts";
import type { Party } from "./calls/call.ts";
import type { Directory } from "./calls/calls.ts";
import type { Logger } from "./log.ts";
import { hashPassword, passwordMatches } from "./passwords.ts";
import { RequestError } from "./sessions/connection.ts";
import type { NewPerson, PersonRow } from "./store/rows.ts";
import type { Store } from "./store/store.ts";

interface PeopleEvents {
  /** Somebody's presence, text or name changed, or somebody is new. */
  changed: [person: Person];
  removed: [user: string];
  /** What is somebody's own changed: role, language and the like. */
  profile: [user: string];
}

/** People of one tenant: each device is told of all of them when it comes. */
const mostPeople = 20_000;

const demoPeople = [
  { user: "anna", name: "Anna Petrova", extension: "101" },
  { user: "boris", name: "Boris Weber", extension: "102" },
  { user: "clara", name: "Clara Dubois", extension: "103" },
  { user: "dmitri", name: "Dmitri Orlov", extension: "104", role: "supervisor" as const },
];

/** What people's presence is made from. */
export interface PresenceSource {
  /** Who is signed in, on this server or another. */
  online(): ReadonlySet<string>;
  inCall(user: string): "in-call" | "ringing" | undefined;
  /** Makes every switch ask again about somebody; ends when each has been told, or could not be. */
  forget(address: string): Promise<void>;
}

const noPermissions: ReadonlySet<Permission> = new Set();
const permissionsOfRole = new Map<string, ReadonlySet<Permission>>(Object.entries(roles).map(([role, list]) => [role, new Set<Permission>(list)]));

/** Everybody in the company, with what they are doing. The accounts are in the store; this is what the program looks at. */
export class People extends EventEmitter<PeopleEvents> implements Directory {
  readonly #store: Store;
  readonly #log: Logger;
  readonly #rows = new Map<string, PersonRow>();
  readonly #byExtension = new Map<string, PersonRow>();
  #source: PresenceSource | undefined;
  /** As last told. */
  readonly #told = new Map<string, { row: PersonRow; presence: Presence; text: string }>();
  /** Of everybody as last told, until somebody changes. */
  #list: { json: Buffer; digest: string } | undefined;

  constructor(store: Store, log: Logger) {
    super();
    this.#store = store;
    this.#log = log;
    store.on("changed", ({ topic, key }) => { if (topic === "person") void this.#attempt(this.#reread(key)); });
    store.on("refresh", () => void this.#attempt(this.load()));
  }

  watch(source: PresenceSource): void {
    this.#source = source;
  }

  /** Reads everybody: at the start, and when changes may have been missed. */
  async load(): Promise<void> {
    const rows = new Map((await this.#store.people.all()).map((row) => [row.user, row]));
    const gone = [...this.#rows.keys()].filter((user) => !rows.has(user));
    await Promise.all([...gone.map((user) => this.#take(user, undefined)), ...[...rows].map(([user, row]) => this.#take(user, row))]);
  }

  /** Makes the people of a demonstration, all with one password. */
  async seedDemo(password: string): Promise<void> {
    if (password === "") return;
    for (const person of demoPeople) {
      const row = this.#rows.get(person.user);
      if (row && await passwordMatches(password, row.password)) continue;
      const hashed = await hashPassword(password);
      if (row) await this.#store.people.change(person.user, { password: hashed });
      // Another server may start at the same moment.
      else await this.#store.people.add({ ...person, password: hashed }).catch(() => undefined);
    }
    await this.load();
    this.#log.info({ people: demoPeople.map(({ user }) => user) }, "demo people are there");
  }

  row(user: string): PersonRow | undefined {
    return this.#rows.get(user);
  }

  rows(): IterableIterator<PersonRow> {
    return this.#rows.values();
  }

  get size(): number {
    return this.#rows.size;
  }

  find(address: string): Party | undefined {
    const row = this.#rows.get(address) ?? this.#byExtension.get(address);
    return row && { user: row.user, name: row.name, extension: row.extension };
  }

  doNotDisturb(user: string): boolean {
    return this.#rows.get(user)?.availability === "do-not-disturb";
  }

  permissionsOf(user: string): ReadonlySet<Permission> {
    return permissionsOfRole.get(this.#rows.get(user)?.role ?? "") ?? noPermissions;
  }

  person(user: string): Person | undefined {
    const row = this.#rows.get(user);
    return row && { user, name: row.name, extension: row.extension, presence: this.#presence(row), ...(row.text === "" ? {} : { text: row.text }) };
  }

  /** Everybody as last told, as JSON in UTF-8: made once for however many devices come, and its digest. */
  list(): { json: Buffer; digest: string } {
    if (!this.#list) {
      const json = Buffer.from(`[${[...this.#told.values()].map(({ text }) => text).join(",")}]`);
      this.#list = { json, digest: createHash("sha256").update(json).digest("base64url") };
    }
    return this.#list;
  }

  /** @throws AlreadyThere when somebody has that user name or extension; RequestError when there are too many people */
  async add(person: NewPerson): Promise<void> {
    if (this.#rows.size >= mostPeople) throw new RequestError("too-many", `There are ${mostPeople} people already: remove one first.`);
    await this.#store.people.add(person);
    await this.#reread(person.user);
  }

  /** @throws AlreadyThere when another has that extension */
  async change(user: string, changed: Partial<Omit<PersonRow, "user">>): Promise<void> {
    await this.#store.people.change(user, changed);
    await this.#reread(user);
  }

  async remove(user: string): Promise<boolean> {
    const was = await this.#store.people.remove(user);
    await this.#reread(user);
    return was;
  }

  /** Tells of those who are doing something else than last told; of everybody, when nobody is named. */
  refresh(...users: readonly string[]): void {
    if (!this.#source) return;
    for (const user of users.length > 0 ? users : this.#rows.keys()) {
      const row = this.#rows.get(user);
      if (!row) continue;
      const [told, presence] = [this.#told.get(user), this.#presence(row)];
      if (told?.row === row && told.presence === presence) continue;
      const person = this.person(user)!;
      const text = JSON.stringify(person);
      this.#told.set(user, { row, presence, text });
      if (told?.text === text) continue;
      this.#list = undefined;
      this.emit("changed", person);
    }
  }

  async #reread(user: string): Promise<void> {
    await this.#take(user, await this.#store.people.get(user));
  }

  /** Others hear of it only once no switch knows it otherwise: whoever sees "do not disturb" finds that nothing rings. */
  async #take(user: string, row: PersonRow | undefined): Promise<void> {
    const old = this.#rows.get(user);
    if (old && this.#byExtension.get(old.extension) === old) this.#byExtension.delete(old.extension);
    if (!row || !isSound(row)) {
      if (!this.#rows.delete(user)) return;
      this.#told.delete(user);
      this.#list = undefined;
      this.emit("removed", user);
      if (old) await this.#forget(user, old.extension);
      return;
    }
    this.#rows.set(user, row);
    this.#byExtension.set(row.extension, row);
    if (old && heardBySwitch.some((key) => old[key] !== row[key])) await this.#forget(user, old.extension, row.extension);
    if (old && JSON.stringify(old) !== JSON.stringify(row)) this.emit("profile", user);
    this.refresh(user);
  }

  async #forget(...addresses: readonly string[]): Promise<void> {
    await Promise.all([...new Set(addresses)].map((address) => this.#source?.forget(address)));
  }

  #presence({ user, availability }: PersonRow): Presence {
    const inCall = this.#source?.inCall(user);
    if (inCall) return inCall;
    if (!this.#source?.online().has(user)) return "offline";
    return availability;
  }

  async #attempt(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#log.error({ reason: (error as Error).message }, "people could not be read");
    }
  }
}

/** What the switch is told of a person, and keeps. */
const heardBySwitch = ["name", "extension", "availability", "language", "voicemail"] as const satisfies readonly (keyof PersonRow)[];

/** A row that was put there by hand and could not be spoken of on the wire is passed over. */
function isSound({ user, extension: number }: PersonRow): boolean {
  return userName.safeParse(user).success && extension.safeParse(number).success;
}
