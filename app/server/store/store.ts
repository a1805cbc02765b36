import { EventEmitter } from "node:events";
import { statement, type Change, type Database, type Sql, type Statement, type Value } from "./database.ts";
import { HistoryStore } from "./history-store.ts";
import { MessageStore } from "./message-store.ts";
import { PeopleStore } from "./people-store.ts";
import { RoomStore } from "./room-store.ts";
import { SessionStore } from "./session-store.ts";
import { TokenStore } from "./token-store.ts";

interface StoreEvents {
  /** Another server wrote this. */
  changed: [change: Change];
  /** What others wrote may have been missed: everything is to be read again. */
  refresh: [];
  /** One read or write is over; `seconds` from asking to the answer. */
  done: [kind: "read" | "write", seconds: number, failed: boolean];
}

/** What is kept, of one tenant: no query here reaches another's rows. Whatever has resolved survives a crash. */
export class Store extends EventEmitter<StoreEvents> {
  readonly people: PeopleStore;
  readonly sessions: SessionStore;
  readonly history: HistoryStore;
  readonly messages: MessageStore;
  readonly tokens: TokenStore;
  readonly rooms: RoomStore;
  readonly tenant: string;
  readonly #database: Database;

  constructor(database: Database, tenant: string) {
    super();
    this.#database = database;
    this.tenant = tenant;
    const timed: Sql = {
      read: <Row>(sql: string, ...params: readonly Value[]) => this.#timed("read", database.read<Row>(sql, ...params)),
      write: (statements: readonly Statement[], told?: readonly Change[]) => this.#timed("write", database.write(statements, told)),
    };
    this.people = new PeopleStore(timed, tenant);
    this.sessions = new SessionStore(timed, tenant);
    this.history = new HistoryStore(timed, tenant);
    this.messages = new MessageStore(timed, tenant);
    this.tokens = new TokenStore(timed, tenant);
    this.rooms = new RoomStore(timed, tenant);
    database.listen({ change: (change) => this.emit("changed", change), refresh: () => this.emit("refresh") });
  }

  /**
   * Takes or renews a lease: until `ttlMs` from now (the database's clock) nobody else holds it.
   *
   * @param name what is leased, such as `switch <Core-UUID>`
   * @param holder who wants it: the same one again renews it
   * @returns whether the holder has it
   */
  async takeLease(name: string, holder: string, ttlMs: number): Promise<boolean> {
    const [rows] = await this.#timed("write", this.#database.write([statement(`INSERT INTO leases (tenant, name, holder, held_until) VALUES ($1, $2, $3, now_ms() + $4)
      ON CONFLICT (tenant, name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
      WHERE leases.holder = excluded.holder OR leases.held_until <= now_ms() RETURNING name`, this.tenant, name, holder, ttlMs)]));
    return rows!.length > 0;
  }

  /** Gives a lease back before its time; nothing happens when somebody else has it. */
  async releaseLease(name: string, holder: string): Promise<void> {
    await this.#timed("write", this.#database.write([statement("DELETE FROM leases WHERE tenant = $1 AND name = $2 AND holder = $3", this.tenant, name, holder)]));
  }

  /** Removes what has been kept for long enough. */
  async removeOld(now: number): Promise<void> {
    await this.history.removeOld(now);
    await this.messages.removeOld(now);
    await this.#database.write([statement("DELETE FROM leases WHERE tenant = $1 AND held_until < now_ms() - 86400000", this.tenant)]);
  }

  /** Fails when the database can't be written. */
  probe(): Promise<void> {
    return this.#database.probe();
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  async #timed<T>(kind: "read" | "write", work: Promise<T>): Promise<T> {
    const began = performance.now();
    let failed = true;
    try {
      const result = await work;
      failed = false;
      return result;
    } finally {
      this.emit("done", kind, (performance.now() - began) / 1_000, failed);
    }
  }
}
