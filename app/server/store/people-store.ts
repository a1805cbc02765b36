import type { Availability, Role } from "../../protocol/wire.ts";
import { statement, type Change, type Sql, type Value } from "./database.ts";
import type { NewPerson, PersonRow } from "./rows.ts";

type Raw = Omit<PersonRow, "voicemail"> & { voicemail: number };

const columns = `user_name AS "user", full_name AS name, extension, password, role, language, voicemail, availability,
  status_text AS text, history_seen_at AS "historySeenAt"`;

/** Accounts and what belongs to them. */
export class PeopleStore {
  readonly #database: Sql;
  readonly #tenant: string;

  constructor(database: Sql, tenant: string) {
    this.#database = database;
    this.#tenant = tenant;
  }

  async all(): Promise<PersonRow[]> {
    return (await this.#database.read<Raw>(`SELECT ${columns} FROM accounts WHERE tenant = $1 ORDER BY full_name, user_name`, this.#tenant)).map(cooked);
  }

  async get(user: string): Promise<PersonRow | undefined> {
    const [row] = await this.#database.read<Raw>(`SELECT ${columns} FROM accounts WHERE tenant = $1 AND user_name = $2`, this.#tenant, user);
    return row && cooked(row);
  }

  /** @throws AlreadyThere when somebody has that user name or extension */
  async add({ user, name, extension, password, role = "member" }: NewPerson): Promise<void> {
    await this.#database.write([statement(`INSERT INTO accounts (tenant, user_name, full_name, extension, password, role, created_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7)`, this.#tenant, user, name, extension, password, role, Date.now())], [about(user)]);
  }

  /**
   * Changes what is given of somebody.
   *
   * @throws AlreadyThere when another has that extension
   */
  async change(user: string, changed: Partial<Omit<PersonRow, "user">>): Promise<void> {
    const values: [string, Value][] = Object.entries(changed).flatMap(([key, value]) => value === undefined ? [] : [[columnOf[key as keyof typeof columnOf], typeof value === "boolean" ? Number(value) : value]]);
    if (values.length === 0) return;
    const set = values.map(([column], index) => `${column} = $${index + 3}`).join(", ");
    await this.#database.write([statement(`UPDATE accounts SET ${set} WHERE tenant = $1 AND user_name = $2`, this.#tenant, user, ...values.map(([, value]) => value))], [about(user)]);
  }

  /** Removes somebody with their sessions, tokens, favourites and history; messages stay with the other side. */
  async remove(user: string): Promise<boolean> {
    const [rows] = await this.#database.write([
      statement("DELETE FROM accounts WHERE tenant = $1 AND user_name = $2 RETURNING user_name", this.#tenant, user),
      statement("DELETE FROM call_history WHERE tenant = $1 AND user_name = $2", this.#tenant, user),
    ], [about(user)]);
    return rows!.length > 0;
  }

  async favourites(user: string): Promise<string[]> {
    return (await this.#database.read<{ favourite: string }>("SELECT favourite FROM favourites WHERE tenant = $1 AND user_name = $2 ORDER BY added_at, favourite", this.#tenant, user))
      .map(({ favourite }) => favourite);
  }

  async setFavourite(user: string, favourite: string, on: boolean): Promise<void> {
    await this.#database.write([on
      ? statement("INSERT INTO favourites (tenant, user_name, favourite, added_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING", this.#tenant, user, favourite, Date.now())
      : statement("DELETE FROM favourites WHERE tenant = $1 AND user_name = $2 AND favourite = $3", this.#tenant, user, favourite)], [{ topic: "profile", key: user }]);
  }
}

const about = (user: string): Change => ({ topic: "person", key: user });

const columnOf = {
  name: "full_name", extension: "extension", password: "password", role: "role", language: "language", voicemail: "voicemail",
  availability: "availability", text: "status_text", historySeenAt: "history_seen_at",
} as const satisfies Record<keyof Omit<PersonRow, "user">, string>;

function cooked(row: Raw): PersonRow {
  return { ...row, role: row.role as Role, availability: row.availability as Availability, voicemail: row.voicemail !== 0 };
}
