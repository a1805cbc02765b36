import type { DeliveryState, Message } from "../../protocol/wire.ts";
import { statement, type Sql } from "./database.ts";

/** Messages are kept this long. */
const keptMs = 365 * 86_400_000;
const columns = `id, sender AS "from", receiver AS "to", body, sent_at AS "sentAt", state`;

/** Direct messages. */
export class MessageStore {
  readonly #database: Sql;
  readonly #tenant: string;

  constructor(database: Sql, tenant: string) {
    this.#database = database;
    this.#tenant = tenant;
  }

  /** Keeps a message, once for one `clientId` of a sender; `isNew` is false for one that was there. */
  async add(from: string, to: string, body: string, clientId: string): Promise<{ message: Message; isNew: boolean }> {
    const sentAt = Date.now();
    const [inserted, rows] = await this.#database.write([
      statement(`INSERT INTO messages (tenant, pair, sender, receiver, client_id, body, sent_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (tenant, sender, client_id) DO NOTHING RETURNING id`, this.#tenant, pairOf(from, to), from, to, clientId, body, sentAt),
      statement(`SELECT ${columns} FROM messages WHERE tenant = $1 AND sender = $2 AND client_id = $3`, this.#tenant, from, clientId),
    ], [{ topic: "message", key: `${from} ${clientId}` }]);
    return { message: rows![0] as Message, isNew: inserted!.length > 0 };
  }

  /** By what its sender calls it. */
  async get(from: string, clientId: string): Promise<Message | undefined> {
    return (await this.#database.read<Message>(`SELECT ${columns} FROM messages WHERE tenant = $1 AND sender = $2 AND client_id = $3`, this.#tenant, from, clientId))[0];
  }

  page(user: string, other: string, before: number, limit: number): Promise<Message[]> {
    return this.#database.read<Message>(`SELECT ${columns} FROM messages WHERE tenant = $1 AND pair = $2 AND id < $3 ORDER BY id DESC LIMIT $4`, this.#tenant, pairOf(user, other), before, limit);
  }

  /** Of everybody, after an id, oldest first. */
  since(after: number, limit: number): Promise<Message[]> {
    return this.#database.read<Message>(`SELECT ${columns} FROM messages WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3`, this.#tenant, after, limit);
  }

  /** The highest id so far, over everybody. */
  async last(): Promise<number> {
    return (await this.#database.read<{ last: number }>("SELECT coalesce(max(id), 0) AS last FROM messages WHERE tenant = $1", this.#tenant))[0]!.last;
  }

  async conversations(user: string, limit: number): Promise<{ with: string; last: Message; unread: number }[]> {
    const rows = await this.#database.read<Message & { unread: number }>(`SELECT ${columns},
        (SELECT count(*) FROM messages AS waiting WHERE waiting.tenant = $1 AND waiting.receiver = $2 AND waiting.sender <> $2 AND waiting.pair = messages.pair AND waiting.state <> 'read') AS unread
      FROM messages WHERE tenant = $1 AND id IN (SELECT max(id) FROM messages WHERE tenant = $1 AND (sender = $2 OR receiver = $2) GROUP BY pair) ORDER BY id DESC LIMIT $3`, this.#tenant, user, limit);
    return rows.map(({ unread, ...last }) => ({ with: last.from === user ? last.to : last.from, last, unread }));
  }

  async unread(user: string): Promise<number> {
    return (await this.#database.read<{ count: number }>("SELECT count(*) AS count FROM messages WHERE tenant = $1 AND receiver = $2 AND sender <> $2 AND state <> 'read'", this.#tenant, user))[0]!.count;
  }

  /** Moves what `receiver` got from `sender` up to an id on to a state, never back; gives the last id that this changed. */
  async mark(sender: string, receiver: string, upTo: number, state: DeliveryState): Promise<number | undefined> {
    const [rows] = await this.#database.write([statement(`UPDATE messages SET state = $5 WHERE tenant = $1 AND sender = $2 AND receiver = $3 AND id <= $4
      AND (state = 'sent' OR (state = 'delivered' AND $5 = 'read')) AND state <> $5 RETURNING id`, this.#tenant, sender, receiver, upTo, state)],
    [{ topic: "messageState", key: `${sender} ${receiver} ${upTo} ${state}` }, { topic: "profile", key: receiver }]);
    const ids = (rows as { id: number }[]).map(({ id }) => id);
    return ids.length === 0 ? undefined : Math.max(...ids);
  }

  async removeOld(now: number): Promise<void> {
    await this.#database.write([statement("DELETE FROM messages WHERE tenant = $1 AND sent_at < $2", this.#tenant, now - keptMs)]);
  }
}

/** The two sides of a conversation in one order: `anna boris`. */
const pairOf = (one: string, other: string) => [one, other].sort().join(" ");
