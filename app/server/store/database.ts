import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Failure } from "../failure.ts";

/**
 * The schema grows by adding: the old release and the new one work on the same file during an upgrade. Never change a
 * step that was released; add another.
 */
const steps = [
  `CREATE TABLE people (
     user TEXT PRIMARY KEY, name TEXT NOT NULL, extension TEXT NOT NULL UNIQUE,
     password TEXT NOT NULL, do_not_disturb INTEGER NOT NULL DEFAULT 0
   ) STRICT;
   CREATE TABLE sessions (
     id TEXT PRIMARY KEY, user TEXT NOT NULL REFERENCES people(user) ON DELETE CASCADE,
     token_hash TEXT NOT NULL UNIQUE, sip_user TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL,
     online_until INTEGER NOT NULL, expires_at INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX sessions_user ON sessions(user);
   CREATE INDEX sessions_online ON sessions(online_until);
   CREATE INDEX sessions_expiry ON sessions(expires_at);
   CREATE TABLE calls (
     id TEXT PRIMARY KEY, caller TEXT NOT NULL, callee TEXT NOT NULL, started_at INTEGER NOT NULL,
     answered_at INTEGER, ended_at INTEGER NOT NULL, reason TEXT NOT NULL
   ) STRICT;
   CREATE INDEX calls_caller ON calls(caller, ended_at);
   CREATE INDEX calls_callee ON calls(callee, ended_at);`,
];

/** Milliseconds that a statement waits for the other release's transaction. */
const busyMs = 5_000;

/** Opens the embedded database and brings its schema up to this release's. */
export function openDatabase(directory: string): DatabaseSync {
  let database: DatabaseSync;
  try {
    if (!existsSync(directory)) mkdirSync(directory, { recursive: true });
    database = new DatabaseSync(join(directory, "houseline.db"), { timeout: busyMs, enableForeignKeyConstraints: true });
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  } catch (error) {
    throw new Failure(`The database in ${directory} can't be opened (${(error as Error).message}). The directory must belong to the user of this server, and its disk must have room.`);
  }
  migrate(database);
  return database;
}

function migrate(database: DatabaseSync): void {
  transaction(database, () => {
    const { user_version: done } = database.prepare("PRAGMA user_version").get() as { user_version: number };
    // A newer release has been here: it only added.
    for (const [index, step] of steps.entries()) if (index >= done) database.exec(step);
    if (done < steps.length) database.exec(`PRAGMA user_version = ${steps.length}`);
  });
}

/** Runs a function in one transaction that takes the write lock at its beginning. */
export function transaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}
