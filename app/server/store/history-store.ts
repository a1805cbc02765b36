import type { EndReason } from "../../protocol/wire.ts";
import { statement, type Sql } from "./database.ts";
import type { HistoryRow } from "./rows.ts";

/** Rows of ended calls are kept this long. */
const keptMs = 90 * 86_400_000;

interface Raw {
  call: string; user: string; direction: "outgoing" | "incoming"; peer: string; peerName: string; peerExtension: string;
  startedAt: number; answeredAt: number | null; endedAt: number; reason: EndReason; missed: number;
}

export interface HistoryQuery { before: number; limit: number; missedOnly: boolean; with?: string | undefined }

/** Calls that are over: one row a call and person, whichever server and however many devices saw it. */
export class HistoryStore {
  readonly #database: Sql;
  readonly #tenant: string;

  constructor(database: Sql, tenant: string) {
    this.#database = database;
    this.#tenant = tenant;
  }

  /** Several servers see one call end: gives the people whose row this server was the first to write. */
  async add(rows: readonly HistoryRow[]): Promise<string[]> {
    const results = await this.#database.write(rows.map((row) => statement(`INSERT INTO call_history
      (tenant, call_id, user_name, direction, peer, peer_name, peer_extension, started_at, answered_at, ended_at, reason, missed)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (tenant, call_id, user_name) DO NOTHING RETURNING user_name AS "user"`,
    this.#tenant, row.call, row.user, row.direction, row.peer.user, row.peer.name, row.peer.extension, row.startedAt, row.answeredAt ?? null, row.endedAt, row.reason, Number(row.missed))),
    rows.map(({ user }) => ({ topic: "history", key: user })));
    return (results.flat() as { user: string }[]).map(({ user }) => user);
  }

  async page(user: string, { before, limit, missedOnly, with: peer = "" }: HistoryQuery): Promise<HistoryRow[]> {
    const rows = await this.#database.read<Raw>(`SELECT call_id AS call, user_name AS "user", direction, peer, peer_name AS "peerName", peer_extension AS "peerExtension",
        started_at AS "startedAt", answered_at AS "answeredAt", ended_at AS "endedAt", reason, missed
      FROM call_history WHERE tenant = $1 AND user_name = $2 AND ended_at < $3 AND missed >= $4 AND ($5 = '' OR peer = $5) ORDER BY ended_at DESC, call_id LIMIT $6`,
    this.#tenant, user, before, Number(missedOnly), peer, limit);
    return rows.map(({ peer: name, peerName, peerExtension, missed, answeredAt, ...row }) =>
      ({ ...row, peer: { user: name, name: peerName, extension: peerExtension }, missed: missed !== 0, ...(answeredAt === null ? {} : { answeredAt }) }));
  }

  /** The same calls over everybody: for servers that list them. */
  async pageOfAll(before: number, limit: number): Promise<HistoryRow[]> {
    const rows = await this.#database.read<Raw>(`SELECT call_id AS call, user_name AS "user", direction, peer, peer_name AS "peerName", peer_extension AS "peerExtension",
        started_at AS "startedAt", answered_at AS "answeredAt", ended_at AS "endedAt", reason, missed
      FROM call_history WHERE tenant = $1 AND ended_at < $2 AND direction = 'outgoing' ORDER BY ended_at DESC, call_id LIMIT $3`, this.#tenant, before, limit);
    return rows.map(({ peer: name, peerName, peerExtension, missed, answeredAt, ...row }) =>
      ({ ...row, peer: { user: name, name: peerName, extension: peerExtension }, missed: missed !== 0, ...(answeredAt === null ? {} : { answeredAt }) }));
  }

  async lastCalled(user: string): Promise<string | undefined> {
    const [row] = await this.#database.read<{ peer: string }>("SELECT peer FROM call_history WHERE tenant = $1 AND user_name = $2 AND direction = 'outgoing' ORDER BY ended_at DESC LIMIT 1", this.#tenant, user);
    return row?.peer;
  }

  async missedSince(user: string, since: number): Promise<number> {
    const [row] = await this.#database.read<{ count: number }>("SELECT count(*) AS count FROM call_history WHERE tenant = $1 AND user_name = $2 AND missed = 1 AND ended_at > $3", this.#tenant, user, since);
    return row!.count;
  }

  async removeOld(now: number): Promise<void> {
    await this.#database.write([statement("DELETE FROM call_history WHERE tenant = $1 AND ended_at < $2", this.#tenant, now - keptMs)]);
  }
}
