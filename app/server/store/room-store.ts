import { statement, type Sql } from "./database.ts";
import type { RoomRow } from "./rows.ts";

type Raw = Omit<RoomRow, "moderators"> & { moderators: string };

/** Conference rooms of the company's. Who is in one at the moment, the switch knows. */
export class RoomStore {
  readonly #database: Sql;
  readonly #tenant: string;

  constructor(database: Sql, tenant: string) {
    this.#database = database;
    this.#tenant = tenant;
  }

  async all(): Promise<RoomRow[]> {
    return (await this.#database.read<Raw>("SELECT name, title, number, pin, moderators FROM rooms WHERE tenant = $1 ORDER BY title, name", this.#tenant))
      .map((row) => ({ ...row, moderators: JSON.parse(row.moderators) as string[] }));
  }

  /** @throws AlreadyThere when another has that name or number */
  async add({ name, title, number, pin, moderators }: RoomRow): Promise<void> {
    await this.#database.write([statement("INSERT INTO rooms (tenant, name, title, number, pin, moderators, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
      this.#tenant, name, title, number, pin, JSON.stringify(moderators), Date.now())], [{ topic: "room", key: name }]);
  }

  /** @throws AlreadyThere when another has that number */
  async change({ name, title, number, pin, moderators }: RoomRow): Promise<void> {
    await this.#database.write([statement("UPDATE rooms SET title = $3, number = $4, pin = $5, moderators = $6 WHERE tenant = $1 AND name = $2",
      this.#tenant, name, title, number, pin, JSON.stringify(moderators))], [{ topic: "room", key: name }]);
  }

  async remove(name: string): Promise<boolean> {
    const [rows] = await this.#database.write([statement("DELETE FROM rooms WHERE tenant = $1 AND name = $2 RETURNING name", this.#tenant, name)], [{ topic: "room", key: name }]);
    return rows!.length > 0;
  }
}
