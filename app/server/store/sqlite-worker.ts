import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import type { Change, Statement, Value } from "./database.ts";
import { Running } from "./running.ts";
import { steps, takeOver } from "./schema.ts";

/**
 * The thread that owns a SQLite connection. What arrives while a transaction is written to the disk goes into the next one together
 * (group commit): a thousand writers wait for one fsync, not for a thousand.
 */

export interface Opening { directory: string; tenant: string; origin: string }
/** `told` makes a write; without it the statements are queries. */
export interface Work { id: number; statements: readonly Statement[]; told?: readonly Change[] }
export type FromWorker =
  | { kind: "open" } | { kind: "refused"; reason: string } | { kind: "closed" } | { kind: "changes"; changes: Change[] }
  | { kind: "done"; answers: Answer[] };
export interface Answer { id: number; rows?: unknown[][]; failure?: string; duplicate?: boolean }

/** Milliseconds that a transaction waits for the other release's. */
const busyMs = 5_000;
/** How soon what another release wrote is noticed. */
const lookMs = 100;
/** Changes are kept for as long as another release could still not have noticed them. */
const changesKeptMs = 60_000;
/** Writes in one transaction: the other release gets its turn between two. */
const mostTogether = 500;

const { directory, tenant, origin } = workerData as Opening;
const port = parentPort!;
const tell = (message: FromWorker) => port.postMessage(message);
const statements = new Map<string, StatementSync>();
const queue: Work[] = [];
let closing = false;
let version = -1;
let lastChange = 0;

let database: DatabaseSync;
let running: Running;
try {
  database = open();
  start();
} catch (error) {
  tell({ kind: "refused", reason: (error as Error).message });
}

function open(): DatabaseSync {
  if (!existsSync(directory)) mkdirSync(directory, { recursive: true });
  const opened = new DatabaseSync(join(directory, "houseline.db"), { timeout: busyMs, enableForeignKeyConstraints: true });
  patiently(() => opened.exec("PRAGMA journal_mode = WAL"));
  // FULL: a commit is on the disk before it is acknowledged, also when the machine loses its power. (SQLite, "PRAGMA synchronous")
  opened.exec("PRAGMA synchronous = FULL");
  opened.function("now_ms", () => Date.now());
  running = new Running(directory, origin);
  opened.function("is_running", (server) => Number(running.has(String(server))));
  return opened;
}

/** The change to WAL does not wait as a transaction does, when another release opens the file at the same moment. (SQLite, "sqlite3_busy_handler") */
function patiently(work: () => void): void {
  for (const end = Date.now() + busyMs;;) {
    try {
      return work();
    } catch (error) {
      // SQLITE_BUSY, and what extends it
      if (((error as { errcode?: number }).errcode ?? 0) % 256 !== 5 || Date.now() > end) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10 + Math.random() * 20);
    }
  }
}

function start(): void {
  transaction(() => migrate());
  lastChange = (prepared("SELECT coalesce(max(id), 0) AS last FROM changes").get() as { last: number }).last;
  port.on("message", (work: Work[] | "close") => {
    if (work === "close") closing = true;
    else queue.push(...work);
    setImmediate(drain);
  });
  setInterval(look, lookMs).unref();
  setInterval(forget, changesKeptMs).unref();
  tell({ kind: "open" });
}

function migrate(): void {
  database.exec(`CREATE TABLE IF NOT EXISTS schema_steps (name TEXT PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS changes (
      id INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, origin TEXT NOT NULL, topic TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL)`);
  for (const { name, sql } of steps) {
    if (prepared("SELECT name FROM schema_steps WHERE name = $1").get(name)) continue;
    for (const text of sql) database.exec(text.replace("{identity}", "INTEGER PRIMARY KEY AUTOINCREMENT"));
    prepared("INSERT INTO schema_steps (name) VALUES ($1)").run(name);
    const isOld = prepared("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'people'").get();
    if (name === "tenants" && isOld) for (const text of takeOver) prepared(text).run(tenant);
  }
}

function drain(): void {
  const now = queue.splice(0, mostTogether);
  const answers = now.filter(({ told }) => !told).map(query);
  const writes = now.filter(({ told }) => told);
  if (writes.length > 0) answers.push(...commit(writes));
  if (answers.length > 0) tell({ kind: "done", answers });
  if (queue.length > 0) setImmediate(drain);
  else if (closing) {
    database.close();
    running.close();
    tell({ kind: "closed" });
    port.close();
  }
}

function query(work: Work): Answer {
  try {
    return { id: work.id, rows: work.statements.map(run) };
  } catch (error) {
    return failed(work, error);
  }
}

/** Each in a savepoint of its own: one that fails takes no other with it. */
function commit(writes: readonly Work[]): Answer[] {
  try {
    return transaction(() => writes.map((work) => {
      database.exec("SAVEPOINT work");
      try {
        const rows = work.statements.map(run);
        for (const { topic, key } of work.told ?? []) prepared("INSERT INTO changes (tenant, origin, topic, key, at) VALUES ($1, $2, $3, $4, $5)").run(tenant, origin, topic, key, Date.now());
        database.exec("RELEASE work");
        return { id: work.id, rows };
      } catch (error) {
        database.exec("ROLLBACK TO work; RELEASE work");
        return failed(work, error);
      }
    }));
  } catch (error) {
    return writes.map((work) => failed(work, error));
  }
}

function run({ sql, params }: Statement): unknown[] {
  return prepared(sql).all(...params as Value[]);
}

function failed({ id }: Work, error: unknown): Answer {
  const { message, errcode } = error as Error & { errcode?: number };
  // SQLITE_CONSTRAINT_UNIQUE and _PRIMARYKEY
  return { id, failure: message, duplicate: errcode === 2067 || errcode === 1555 };
}

/** The other release of an upgrade works on the same file. (SQLite, "PRAGMA data_version") */
function look(): void {
  if (closing) return;
  const { data_version: current } = prepared("PRAGMA data_version").get() as { data_version: number };
  if (current === version) return;
  version = current;
  const rows = prepared("SELECT id, topic, key FROM changes WHERE id > $1 AND tenant = $2 AND origin <> $3 ORDER BY id").all(lastChange, tenant, origin) as unknown as (Change & { id: number })[];
  if (rows.length === 0) return;
  lastChange = rows.at(-1)!.id;
  tell({ kind: "changes", changes: rows.map(({ topic, key }) => ({ topic, key })) });
}

function forget(): void {
  if (!closing) commit([{ id: 0, statements: [{ sql: "DELETE FROM changes WHERE at < $1", params: [Date.now() - changesKeptMs] }], told: [] }]);
}

function transaction<T>(work: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function prepared(sql: string): StatementSync {
  let statement = statements.get(sql);
  // `$1` is a name to SQLite, `?1` a place.
  if (!statement) statements.set(sql, statement = database.prepare(sql.replaceAll("$", "?")));
  return statement;
}
