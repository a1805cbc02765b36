import pg from "pg";
import { Failure } from "../failure.ts";
import type { Logger } from "../log.ts";
import { AlreadyThere, mostWaiting, StoreUnavailable, type Change, type ChangeListener, type Database, type Statement, type Value } from "./database.ts";
import { steps } from "./schema.ts";

const connections = 8;
/** Milliseconds: to connect, and for one statement; beyond them the database counts as unreachable. */
const connectMs = 5_000;
const statementMs = 5_000;
/** The listening connection comes back after between half of this and all of it, doubling up to the bound. */
const firstBackOffMs = 200;
const mostBackOffMs = 5_000;
/** How often the listening connection is asked whether it still lives: a dead peer says nothing. */
const heartbeatMs = 5_000;
const channel = "houseline";
/** Any number, the same for every release: only one server at a time brings the schema up. */
const migrationLock = 7_216_330;

// A BIGINT as a number: times and counts stay far below 2^53.
const types = { getTypeParser: (oid: number, format?: "text" | "binary") => oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format as "text") } as unknown as pg.CustomTypesConfig;

interface Options { url: string; tenant: string; origin: string; log: Logger }

/** PostgreSQL, shared by several application servers and, by tenant, by several companies. */
export class PostgresDatabase implements Database {
  readonly #pool: pg.Pool;
  readonly #options: Options;
  #listening: pg.Client | undefined;
  #listener: ChangeListener | undefined;
  #backOffMs = firstBackOffMs;
  #again: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(options: Options) {
    this.#options = options;
    this.#pool = new pg.Pool({
      connectionString: options.url, max: connections, connectionTimeoutMillis: connectMs, types, keepAlive: true,
      statement_timeout: statementMs, query_timeout: statementMs + 1_000, idle_in_transaction_session_timeout: statementMs, application_name: "houseline",
    });
    // A connection that dies while idle: the next one is made when it is needed.
    this.#pool.on("error", (error) => options.log.warn({ reason: error.message }, "database connection lost"));
    // While it is in use the pool doesn't listen, and whoever uses it hears of the loss by the statement that fails.
    this.#pool.on("connect", (client) => client.on("error", () => {}));
  }

  /**
   * Connects and brings the schema up to this release's.
   *
   * @param options.url `postgres://user:password@host:5432/database?sslmode=verify-full`
   * @param options.origin what tells this server from others
   * @throws Failure when nobody answers there, or the schema can't be made
   */
  static async open(options: Options): Promise<PostgresDatabase> {
    const database = new PostgresDatabase(options);
    try {
      await database.#migrate();
      await database.#subscribe();
    } catch (error) {
      database.#closed = true;
      await database.#pool.end().catch(() => undefined);
      throw new Failure(`The PostgreSQL of secrets.databaseUrl can't be used (${(error as Error).message}). Its URL must be like postgres://user:password@host:5432/database, and its user must be allowed to create tables there.`);
    }
    return database;
  }

  async read<Row>(sql: string, ...params: readonly Value[]): Promise<Row[]> {
    return this.#guarded(async () => (await this.#pool.query(sql, [...params])).rows as Row[]);
  }

  async write(statements: readonly Statement[], told: readonly Change[] = []): Promise<unknown[][]> {
    const all = [...statements, ...told.map((change) => this.#notification(change))];
    if (all.length === 1) return [await this.read(all[0]!.sql, ...all[0]!.params)];
    return this.#guarded(async () => {
      const client = await this.#pool.connect();
      let broken = true;
      try {
        const rows: unknown[][] = [];
        await client.query("BEGIN");
        for (const { sql, params } of all) rows.push((await client.query(sql, [...params])).rows as unknown[]);
        await client.query("COMMIT");
        broken = false;
        return rows.slice(0, statements.length);
      } catch (error) {
        if (error instanceof pg.DatabaseError) broken = await client.query("ROLLBACK").then(() => false, () => true);
        throw error;
      } finally {
        client.release(broken);
      }
    });
  }

  async probe(): Promise<void> {
    const [row] = await this.read<{ standby: boolean }>("SELECT pg_is_in_recovery() AS standby");
    if (row?.standby) throw new StoreUnavailable("this PostgreSQL is a standby: nothing can be written to it");
  }

  listen(listener: ChangeListener): void {
    this.#listener = listener;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#again);
    await this.#listening?.end().catch(() => undefined);
    await this.#pool.end();
  }

  /** Heard by every server at the commit, and by none when the transaction fails. (PostgreSQL, "NOTIFY") */
  #notification({ topic, key }: Change): Statement {
    return { sql: "SELECT pg_notify($1, $2)", params: [channel, JSON.stringify({ tenant: this.#options.tenant, origin: this.#options.origin, topic, key })] };
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    if (this.#pool.waitingCount >= mostWaiting) throw new StoreUnavailable("too much waits for the database");
    try {
      return await work();
    } catch (error) {
      const { message, code } = error as Error & { code?: string };
      // unique_violation
      throw code === "23505" ? new AlreadyThere(message) : new StoreUnavailable(message);
    }
  }

  async #migrate(): Promise<void> {
    const client = await this.#pool.connect();
    try {
      await client.query("BEGIN");
      await client.query("SET LOCAL statement_timeout = 60000");
      await client.query("SELECT pg_advisory_xact_lock($1)", [migrationLock]);
      await client.query("CREATE TABLE IF NOT EXISTS schema_steps (name TEXT PRIMARY KEY)");
      await client.query("CREATE OR REPLACE FUNCTION now_ms() RETURNS BIGINT LANGUAGE sql VOLATILE AS 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint'");
      // Of a server on another host nothing is certain: a connection outlives a machine that is lost, and people would wait for it.
      await client.query("CREATE OR REPLACE FUNCTION is_running(server TEXT) RETURNS INTEGER LANGUAGE sql IMMUTABLE AS 'SELECT 0'");
      for (const { name, sql } of steps) {
        if ((await client.query("INSERT INTO schema_steps (name) VALUES ($1) ON CONFLICT DO NOTHING", [name])).rowCount === 0) continue;
        for (const text of sql) await client.query(text.replace("{identity}", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"));
      }
      await client.query("COMMIT");
    } finally {
      // Whatever was begun ends with the connection.
      client.release(true);
    }
  }

  async #subscribe(): Promise<void> {
    const client = new pg.Client({ connectionString: this.#options.url, connectionTimeoutMillis: connectMs, query_timeout: heartbeatMs, keepAlive: true, application_name: "houseline listener" });
    const heartbeat = setInterval(() => {
      if (this.#listening === client) client.query("SELECT 1").catch((error: Error) => lost(error.message));
    }, heartbeatMs);
    heartbeat.unref();
    const lost = (reason: string) => {
      clearInterval(heartbeat);
      if (this.#listening !== client) return;
      this.#listening = undefined;
      client.end().catch(() => undefined);
      if (this.#closed) return;
      this.#options.log.warn({ reason }, "no news from the database: connecting again");
      this.#return();
    };
    client.on("error", (error) => lost(error.message));
    client.on("end", () => lost("the connection has ended"));
    client.on("notification", ({ payload }) => this.#hear(payload ?? ""));
    try {
      await client.connect();
      await client.query(`LISTEN ${channel}`);
    } catch (error) {
      clearInterval(heartbeat);
      client.end().catch(() => undefined);
      throw error;
    }
    this.#listening = client;
  }

  #return(): void {
    const wait = this.#backOffMs * (0.5 + Math.random() / 2);
    this.#backOffMs = Math.min(this.#backOffMs * 2, mostBackOffMs);
    this.#again = setTimeout(() => {
      this.#subscribe().then(() => {
        this.#backOffMs = firstBackOffMs;
        this.#options.log.info("news from the database again");
        this.#listener?.refresh();
      }, () => { if (!this.#closed) this.#return(); });
    }, wait);
  }

  #hear(payload: string): void {
    const { tenant, origin, topic, key } = JSON.parse(payload) as Change & { tenant: string; origin: string };
    if (tenant === this.#options.tenant && origin !== this.#options.origin) this.#listener?.change({ topic, key });
  }
}
