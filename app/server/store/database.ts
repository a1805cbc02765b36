/**
 * What the store needs of a database. SQLite and PostgreSQL run the same SQL text: parameters are `$1`, `$2`, …, times are
 * milliseconds since the Unix epoch in BIGINT, truth is 0 or 1, `now_ms()` is the database's own clock, and `is_running(server)` tells
 * whether the process of a server is certainly there.
 */
export interface Database {
  /** Rows of one query. */
  read<Row>(sql: string, ...params: readonly Value[]): Promise<Row[]>;
  /**
   * Runs statements in one transaction and gives the rows of each. Once it has resolved, a crash of this program, of the
   * database or of the machine loses nothing of it. `told` reaches every other server of the database with the commit.
   */
  write(statements: readonly Statement[], told?: readonly Change[]): Promise<unknown[][]>;
  /** Fails when nothing can be written at the moment. */
  probe(): Promise<void>;
  /** Hears what other servers wrote; at once, or within a tenth of a second. */
  listen(listener: ChangeListener): void;
  /** Ends when everything under way has been written. */
  close(): Promise<void>;
}

export type Value = string | number | null;

export interface Statement { sql: string; params: readonly Value[] }

/** What a change is about; `key` says which, and the reader looks there itself. */
export const topics = [
  /** A person (user name): account, name, extension, role. */
  "person",
  /** Sessions of a person (user name). */
  "online",
  /** A session (id) is over. */
  "session",
  /** A session (id) is at another server now. */
  "moved",
  /** A session (id) is wanted by another server; what it missed has been left for it. */
  "handover", "handedOver",
  /** A message (sender, space, the sender's id of it). */
  "message",
  /** Messages were delivered or read (sender, receiver, id, state). */
  "messageState",
  /** What is a person's own, and their history (user name). */
  "profile", "history",
  /** An API token (id) was made or revoked. */
  "token",
  /** A room (name). */
  "room",
] as const;
export type Topic = (typeof topics)[number];
export interface Change { topic: Topic; key: string }

export interface ChangeListener {
  change(change: Change): void;
  /** Changes may have been missed: everything is to be read again. */
  refresh(): void;
}

/** The database could not do it: it may be tried again, later. */
export class StoreUnavailable extends Error {
  override name = "StoreUnavailable";
}

/** Something of that key is there already. */
export class AlreadyThere extends Error {
  override name = "AlreadyThere";
}

export const statement = (sql: string, ...params: readonly Value[]): Statement => ({ sql, params });

/** Statements that wait for the database at once; more are refused, so that a slow disk can't grow this program. */
export const mostWaiting = 20_000;

/** What the parts of the store ask with. */
export type Sql = Pick<Database, "read" | "write">;
