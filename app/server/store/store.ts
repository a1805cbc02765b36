import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { EndReason } from "../../protocol/wire.ts";
import { transaction } from "./database.ts";

export interface PersonRow { user: string; name: string; extension: string; password: string; doNotDisturb: boolean }
/** Times are milliseconds since the epoch. */
export interface SessionRow { id: string; user: string; tokenHash: string; sipUser: string; createdAt: number; onlineUntil: number; expiresAt: number }
export interface CallRow { id: string; caller: string; callee: string; startedAt: number; answeredAt?: number; endedAt: number; reason: EndReason }

/** Rows of ended calls are kept this long. */
const callsKeptMs = 90 * 86_400_000;

/** What is kept about people, their sessions and their calls. Every method is one short statement or transaction. */
export class Store {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #version = -1;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  people(): PersonRow[] {
    return (this.#prepare("SELECT user, name, extension, password, do_not_disturb AS dnd FROM people ORDER BY name").all() as unknown as (PersonRow & { dnd: number })[])
      .map(({ dnd, ...row }) => ({ ...row, doNotDisturb: dnd === 1 }));
  }

  putPerson({ user, name, extension, password }: Omit<PersonRow, "doNotDisturb">): void {
    this.#prepare(`INSERT INTO people (user, name, extension, password) VALUES (?, ?, ?, ?)
      ON CONFLICT (user) DO UPDATE SET name = excluded.name, extension = excluded.extension, password = excluded.password`)
      .run(user, name, extension, password);
  }

  setDoNotDisturb(user: string, on: boolean): void {
    this.#prepare("UPDATE people SET do_not_disturb = ? WHERE user = ?").run(on ? 1 : 0, user);
  }

  putSession(row: SessionRow): void {
    this.#prepare("INSERT INTO sessions (id, user, token_hash, sip_user, created_at, online_until, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)")
      .run(row.id, row.user, row.tokenHash, row.sipUser, row.createdAt, row.onlineUntil, row.expiresAt);
  }

  sessionByToken(tokenHash: string): SessionRow | undefined {
    return this.#session("token_hash", tokenHash);
  }

  sessionBySipUser(sipUser: string): SessionRow | undefined {
    return this.#session("sip_user", sipUser);
  }

  #session(column: "token_hash" | "sip_user", value: string): SessionRow | undefined {
    return this.#prepare(`SELECT id, user, token_hash AS tokenHash, sip_user AS sipUser, created_at AS createdAt,
      online_until AS onlineUntil, expires_at AS expiresAt FROM sessions WHERE ${column} = ?`).get(value) as unknown as SessionRow | undefined;
  }

  sessionsOf(user: string): number {
    return (this.#prepare("SELECT count(*) AS count FROM sessions WHERE user = ?").get(user) as { count: number }).count;
  }

  /** The heartbeat of many sessions in one transaction. */
  touchSessions(ids: Iterable<string>, onlineUntil: number, expiresAt: number): void {
    const update = this.#prepare("UPDATE sessions SET online_until = ?, expires_at = ? WHERE id = ?");
    transaction(this.#database, () => {
      for (const id of ids) update.run(onlineUntil, expiresAt, id);
    });
  }

  /** Lets a session go offline at a time, unless another release has taken it up since (it then is online for longer). */
  releaseSession(id: string, onlineUntil: number, expiresAt: number, unlessBeyond: number): void {
    this.#prepare("UPDATE sessions SET online_until = ?, expires_at = ? WHERE id = ? AND online_until <= ?").run(onlineUntil, expiresAt, id, unlessBeyond);
  }

  deleteSession(id: string): void {
    this.#prepare("DELETE FROM sessions WHERE id = ?").run(id);
  }

  /** Removes what nobody came back to; returns their SIP names, for the switch to forget. */
  deleteExpiredSessions(now: number): string[] {
    return (this.#prepare("DELETE FROM sessions WHERE expires_at < ? RETURNING sip_user AS sipUser").all(now) as { sipUser: string }[]).map(({ sipUser }) => sipUser);
  }

  /** The oldest session of a person, removed to make room for a new one. */
  deleteOldestSession(user: string): string | undefined {
    return (this.#prepare("DELETE FROM sessions WHERE id = (SELECT id FROM sessions WHERE user = ? ORDER BY online_until, created_at LIMIT 1) RETURNING sip_user AS sipUser")
      .get(user) as { sipUser: string } | undefined)?.sipUser;
  }

  /** Who is signed in, on this server or on another release's. */
  onlineUsers(now: number): string[] {
    return (this.#prepare("SELECT DISTINCT user FROM sessions WHERE online_until > ?").all(now) as { user: string }[]).map(({ user }) => user);
  }

  /** Both releases of an upgrade see the same call end: it is one row. */
  putCall(row: CallRow): void {
    this.#prepare("INSERT OR IGNORE INTO calls (id, caller, callee, started_at, answered_at, ended_at, reason) VALUES (?, ?, ?, ?, ?, ?, ?)")
      .run(row.id, row.caller, row.callee, row.startedAt, row.answeredAt ?? null, row.endedAt, row.reason);
  }

  callsEndedSince(user: string, since: number, most: number): CallRow[] {
    const rows = this.#prepare(`SELECT id, caller, callee, started_at AS startedAt, answered_at AS answeredAt, ended_at AS endedAt, reason
      FROM calls WHERE (caller = ?1 OR callee = ?1) AND ended_at > ?2 ORDER BY ended_at DESC LIMIT ?3`).all(user, since, most) as unknown as (CallRow & { answeredAt: number | null })[];
    return rows.map(({ answeredAt, ...row }) => answeredAt === null ? row : { ...row, answeredAt });
  }

  deleteOldCalls(now: number): void {
    this.#prepare("DELETE FROM calls WHERE ended_at < ?").run(now - callsKeptMs);
  }

  /** Whether another process has written since the last time this was asked. (SQLite, PRAGMA data_version) */
  changedElsewhere(): boolean {
    const { data_version: version } = this.#prepare("PRAGMA data_version").get() as { data_version: number };
    const changed = version !== this.#version;
    this.#version = version;
    return changed;
  }

  /** Fails when the database can't be written. */
  probe(): void {
    transaction(this.#database, () => {});
  }

  close(): void {
    this.#database.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, statement = this.#database.prepare(sql));
    return statement;
  }
}
