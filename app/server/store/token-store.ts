import type { Permission } from "../../protocol/wire.ts";
import { statement, type Sql } from "./database.ts";
import type { TokenRow } from "./rows.ts";

const columns = `id, name, hash, scopes, user_name AS "user", created_at AS "createdAt", last_used_at AS "lastUsedAt", expires_at AS "expiresAt"`;

/** API tokens of servers: what is kept of one is its SHA-256. */
export class TokenStore {
  readonly #database: Sql;
  readonly #tenant: string;

  constructor(database: Sql, tenant: string) {
    this.#database = database;
    this.#tenant = tenant;
  }

  /** @throws AlreadyThere when one has that name */
  async add({ id, name, hash, scopes, user, createdAt, expiresAt }: Omit<TokenRow, "lastUsedAt">): Promise<void> {
    await this.#database.write([statement("INSERT INTO api_tokens (tenant, id, name, hash, scopes, user_name, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
      this.#tenant, id, name, hash, JSON.stringify(scopes), user, createdAt, expiresAt)], [{ topic: "token", key: id }]);
  }

  async all(): Promise<TokenRow[]> {
    return (await this.#database.read<Raw>(`SELECT ${columns} FROM api_tokens WHERE tenant = $1 ORDER BY name`, this.#tenant)).map(cooked);
  }

  async byHash(hash: string): Promise<TokenRow | undefined> {
    const [row] = await this.#database.read<Raw>(`SELECT ${columns} FROM api_tokens WHERE tenant = $1 AND hash = $2`, this.#tenant, hash);
    return row && cooked(row);
  }

  async used(id: string, at: number): Promise<void> {
    await this.#database.write([statement("UPDATE api_tokens SET last_used_at = $3 WHERE tenant = $1 AND id = $2", this.#tenant, id, at)]);
  }

  /** Revokes a token. */
  async remove(id: string): Promise<boolean> {
    const [rows] = await this.#database.write([statement("DELETE FROM api_tokens WHERE tenant = $1 AND id = $2 RETURNING id", this.#tenant, id)], [{ topic: "token", key: id }]);
    return rows!.length > 0;
  }
}

type Raw = Omit<TokenRow, "scopes"> & { scopes: string };

function cooked(row: Raw): TokenRow {
  return { ...row, scopes: JSON.parse(row.scopes) as Permission[] };
}
