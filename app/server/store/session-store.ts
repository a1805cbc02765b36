import { statement, type Sql } from "./database.ts";
import type { SessionRow } from "./rows.ts";

type Raw = Omit<SessionRow, "connected"> & { connected: number };

const columns = `id, user_name AS "user", token_hash AS "tokenHash", sip_user AS "sipUser", name, api_token AS "apiToken", home, connected,
  created_at AS "createdAt", online_until AS "onlineUntil", expires_at AS "expiresAt"`;

/** A session has a socket when it says so and its server has lately said that it lives. Parameters: $1 tenant, $2 now. */
const alive = "(SELECT id FROM servers WHERE tenant = $1 AND alive_until > $2)";
const connected = `(connected = 1 AND home IN ${alive})`;

/** What a server that dies unnoticed leaves behind counts for this long. */
const goneMs = 3_600_000;

/** Sessions of every server, and which servers live. */
export class SessionStore {
  readonly #database: Sql;
  readonly #tenant: string;

  constructor(database: Sql, tenant: string) {
    this.#database = database;
    this.#tenant = tenant;
  }

  /** Heartbeat of a server: one row, however many sessions it has. */
  async beat(server: string, aliveUntil: number): Promise<void> {
    await this.#database.write([
      statement("INSERT INTO servers (tenant, id, alive_until) VALUES ($1, $2, $3) ON CONFLICT (tenant, id) DO UPDATE SET alive_until = excluded.alive_until", this.#tenant, server, aliveUntil),
      statement("DELETE FROM servers WHERE tenant = $1 AND alive_until < $2", this.#tenant, aliveUntil - goneMs),
    ]);
  }

  async isAlive(server: string): Promise<boolean> {
    return (await this.#database.read(`SELECT id FROM servers WHERE tenant = $1 AND alive_until > $2 AND id = $3`, this.#tenant, Date.now(), server)).length > 0;
  }

  /** Whether the process of a server is certainly there, also when it is too busy to say anything: on SQLite, whose servers are on one host. */
  async isRunning(server: string): Promise<boolean> {
    return (await this.#database.read<{ running: number }>("SELECT is_running($1) AS running", server))[0]?.running === 1;
  }

  /** Adds a session and gives those that had to give way to it, the ones longest without a socket first. */
  async add(row: Omit<SessionRow, "connected">, most: number): Promise<{ id: string; sipUser: string }[]> {
    const [, removed] = await this.#database.write([
      statement(`INSERT INTO devices (tenant, id, user_name, token_hash, sip_user, name, api_token, home, connected, created_at, online_until, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10, $11)`, this.#tenant, row.id, row.user, row.tokenHash, row.sipUser, row.name, row.apiToken, row.home, row.createdAt, row.onlineUntil, row.expiresAt),
      statement(`DELETE FROM devices WHERE tenant = $1 AND id IN (
          SELECT id FROM devices WHERE tenant = $1 AND user_name = $3 ORDER BY CASE WHEN id = $4 THEN 0 WHEN ${connected} THEN 1 ELSE 2 END, created_at DESC LIMIT 1000 OFFSET $5)
        RETURNING id, sip_user AS "sipUser"`, this.#tenant, row.createdAt, row.user, row.id, most),
    ], [{ topic: "online", key: row.user }]);
    return removed as { id: string; sipUser: string }[];
  }

  byToken(tokenHash: string): Promise<SessionRow | undefined> {
    return this.#one("token_hash = $2", tokenHash);
  }

  bySipUser(sipUser: string): Promise<SessionRow | undefined> {
    return this.#one("sip_user = $2", sipUser);
  }

  byId(id: string): Promise<SessionRow | undefined> {
    return this.#one("id = $2", id);
  }

  /** Takes a session over for a server, with the socket it now has there. */
  async adopt(id: string, server: string, name: string): Promise<boolean> {
    const [rows] = await this.#database.write([
      statement(`UPDATE devices SET home = $3, connected = 1, name = CASE WHEN $4 = '' THEN name ELSE $4 END WHERE tenant = $1 AND id = $2 RETURNING user_name AS "user"`, this.#tenant, id, server, name),
    ], [{ topic: "moved", key: id }]);
    return rows!.length > 0;
  }

  /** Its socket went; unless another server has it by now. */
  async release(id: string, server: string, onlineUntil: number, expiresAt: number): Promise<void> {
    await this.#database.write([statement("UPDATE devices SET connected = 0, online_until = $4, expires_at = $5 WHERE tenant = $1 AND id = $2 AND home = $3", this.#tenant, id, server, onlineUntil, expiresAt)]);
  }

  /** Ends a session; gives its SIP name when it was there. */
  async remove(id: string, user: string): Promise<string | undefined> {
    const [rows] = await this.#database.write([statement(`DELETE FROM devices WHERE tenant = $1 AND id = $2 AND user_name = $3 RETURNING sip_user AS "sipUser"`, this.#tenant, id, user)],
      [{ topic: "session", key: id }, { topic: "online", key: user }]);
    return (rows as { sipUser: string }[])[0]?.sipUser;
  }

  /** Removes what nobody came back to: sessions without a socket, and those of servers that died. */
  async removeExpired(now: number, graceMs: number): Promise<{ id: string; sipUser: string; user: string }[]> {
    const [rows] = await this.#database.write([
      statement(`DELETE FROM devices WHERE tenant = $1 AND ((connected = 0 AND expires_at < $2) OR (connected = 1 AND home NOT IN (SELECT id FROM servers WHERE tenant = $1 AND alive_until > $3)))
        RETURNING id, sip_user AS "sipUser", user_name AS "user"`, this.#tenant, now, now - graceMs),
      statement("DELETE FROM handovers WHERE tenant = $1 AND at < $2", this.#tenant, now - graceMs),
    ]);
    return rows as { id: string; sipUser: string; user: string }[];
  }

  /** Who is signed in, on any server. */
  async online(now: number): Promise<string[]> {
    return (await this.#database.read<{ user: string }>(`SELECT DISTINCT user_name AS "user" FROM devices WHERE tenant = $1 AND (online_until > $2 OR ${connected})`, this.#tenant, now)).map(({ user }) => user);
  }

  async isOnline(user: string, now: number): Promise<boolean> {
    return (await this.#database.read(`SELECT id FROM devices WHERE tenant = $1 AND user_name = $3 AND (online_until > $2 OR ${connected}) LIMIT 1`, this.#tenant, now, user)).length > 0;
  }

  /** Has the other servers look whether somebody is online. */
  async tellOnline(user: string): Promise<void> {
    await this.#database.write([], [{ topic: "online", key: user }]);
  }

  /** Sessions that a server has. */
  async atHome(server: string): Promise<string[]> {
    return (await this.#database.read<{ id: string }>("SELECT id FROM devices WHERE tenant = $1 AND home = $2", this.#tenant, server)).map(({ id }) => id);
  }

  async of(user: string, now: number): Promise<SessionRow[]> {
    return (await this.#database.read<Raw>(`SELECT ${columns.replace("connected,", `CASE WHEN ${connected} THEN 1 ELSE 0 END AS connected,`)} FROM devices WHERE tenant = $1 AND user_name = $3 ORDER BY created_at, id`, this.#tenant, now, user)).map(cooked);
  }

  /** Sessions begun by an API token. */
  async byApiToken(token: string): Promise<SessionRow[]> {
    return (await this.#database.read<Raw>(`SELECT ${columns} FROM devices WHERE tenant = $1 AND api_token = $2`, this.#tenant, token)).map(cooked);
  }

  /** Leaves what a session missed for the server that takes it up. */
  async handOver(states: readonly { session: string; state: string }[]): Promise<void> {
    await this.#database.write(states.map(({ session, state }) => statement(`INSERT INTO handovers (tenant, session, state, at) VALUES ($1, $2, $3, $4)
      ON CONFLICT (tenant, session) DO UPDATE SET state = excluded.state, at = excluded.at`, this.#tenant, session, state, Date.now())),
    states.map(({ session }) => ({ topic: "handedOver", key: session })));
  }

  /** Asks the server that has a session for what it missed. */
  async askForHandOver(session: string): Promise<void> {
    await this.#database.write([], [{ topic: "handover", key: session }]);
  }

  /** Takes what was left: once. */
  async takeHandOver(session: string): Promise<string | undefined> {
    const [rows] = await this.#database.write([statement("DELETE FROM handovers WHERE tenant = $1 AND session = $2 RETURNING state", this.#tenant, session)]);
    return (rows as { state: string }[])[0]?.state;
  }

  async #one(condition: string, value: string): Promise<SessionRow | undefined> {
    const [row] = await this.#database.read<Raw>(`SELECT ${columns} FROM devices WHERE tenant = $1 AND ${condition}`, this.#tenant, value);
    return row && cooked(row);
  }
}

function cooked(row: Raw): SessionRow {
  return { ...row, connected: row.connected !== 0 };
}
