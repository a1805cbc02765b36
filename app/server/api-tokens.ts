import { createHash, randomBytes, randomUUID } from "node:crypto";
import { permission, type Permission } from "../protocol/wire.ts";
import type { Logger } from "./log.ts";
import type { Sessions } from "./sessions/sessions.ts";
import type { TokenRow } from "./store/rows.ts";
import type { Store } from "./store/store.ts";

/** What every API token begins with, so that people and scanners recognise one. */
export const tokenPrefix = "hl_";
const tokenPattern = /^hl_[A-Za-z0-9_-]{43}$/;
/** Tokens of one tenant. */
export const mostTokens = 20_000;
/** How exactly the last use is kept. */
const usedMs = 60_000;
/** Id of the stack's own token, which is in no table. */
const stackToken = "stack";

/** What a token allows. */
export interface TokenHolder { id: string; name: string; scopes: readonly Permission[]; user: string | null }

/** API tokens: 256 random bits each, kept as SHA-256. All of them are in memory: whoever asks often costs no query, and a revoked one is gone at once. */
export class ApiTokens {
  readonly #store: Store;
  readonly #log: Logger;
  readonly #byHash = new Map<string, TokenRow>();
  readonly #byId = new Map<string, TokenRow>();
  readonly #usedAt = new Map<string, number>();

  /** @param adminToken the stack's own, with every permission; empty: none */
  constructor(store: Store, adminToken: string, log: Logger) {
    this.#store = store;
    this.#log = log;
    if (adminToken !== "") this.#keep({ id: stackToken, name: "the stack's own", hash: hashOf(adminToken), scopes: [...permission.options], user: null, createdAt: 0, lastUsedAt: null, expiresAt: null });
    store.on("changed", ({ topic }) => { if (topic === "token") void this.#reload(); });
    store.on("refresh", () => void this.#reload());
  }

  async load(): Promise<void> {
    const rows = await this.#store.tokens.all();
    const ids = new Set(rows.map(({ id }) => id));
    for (const row of [...this.#byId.values()]) if (row.id !== stackToken && !ids.has(row.id)) this.#drop(row);
    for (const row of rows) this.#keep(row);
  }

  /** Who holds a token; undefined for one that was revoked, has expired or never was. */
  verify(token: string): TokenHolder | undefined {
    if (!tokenPattern.test(token)) return undefined;
    const row = this.#byHash.get(hashOf(token));
    if (!row || isOver(row)) return undefined;
    this.#use(row);
    return row;
  }

  /** What a session that a token began may do; undefined when the token is gone. */
  scopesOf(id: string): readonly Permission[] | undefined {
    const row = this.#byId.get(id);
    return row && !isOver(row) ? row.scopes : undefined;
  }

  list(): TokenRow[] {
    return [...this.#byId.values()].filter(({ id }) => id !== stackToken).map((row) => ({ ...row, lastUsedAt: this.#usedAt.get(row.id) ?? row.lastUsedAt }));
  }

  /**
   * Makes a token; its text is given this once.
   *
   * @throws AlreadyThere when one has that name
   */
  async issue({ name, scopes, user, expiresAt }: Pick<TokenRow, "name" | "scopes" | "user" | "expiresAt">): Promise<{ token: string; row: TokenRow }> {
    const token = tokenPrefix + randomBytes(32).toString("base64url");
    const row: TokenRow = { id: randomUUID(), name, hash: hashOf(token), scopes, user, createdAt: Date.now(), lastUsedAt: null, expiresAt };
    await this.#store.tokens.add(row);
    this.#keep(row);
    return { token, row };
  }

  /** Revokes a token, and ends every session that it began, on every server. */
  async revoke(id: string, sessions: Sessions): Promise<boolean> {
    const row = this.#byId.get(id);
    if (!row || id === stackToken) return false;
    this.#drop(row);
    const begun = await this.#store.sessions.byApiToken(id);
    const was = await this.#store.tokens.remove(id);
    for (const session of begun) await sessions.end(session.user, session.id);
    return was;
  }

  #keep(row: TokenRow): void {
    this.#byHash.set(row.hash, row);
    this.#byId.set(row.id, row);
  }

  #drop(row: TokenRow): void {
    this.#byHash.delete(row.hash);
    this.#byId.delete(row.id);
    this.#usedAt.delete(row.id);
  }

  #use({ id }: TokenRow): void {
    const now = Date.now();
    if (id === stackToken || (this.#usedAt.get(id) ?? 0) > now - usedMs) return;
    this.#usedAt.set(id, now);
    this.#store.tokens.used(id, now).catch((error: Error) => this.#log.warn({ token: id, reason: error.message }, "last use was not kept"));
  }

  async #reload(): Promise<void> {
    await this.load().catch((error: Error) => this.#log.error({ reason: error.message }, "API tokens could not be read"));
  }
}

const isOver = ({ expiresAt }: TokenRow) => expiresAt !== null && expiresAt <= Date.now();

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}
