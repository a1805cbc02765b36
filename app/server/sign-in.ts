import type { Params, Permission } from "../protocol/wire.ts";
import { tokenPrefix, type ApiTokens } from "./api-tokens.ts";
import type { JwtVerifier } from "./jwt.ts";
import type { Logger } from "./log.ts";
import type { Newcomers } from "./newcomers.ts";
import { passwordMatches, pretendToCompare } from "./passwords.ts";
import type { People } from "./people.ts";
import { RateLimit } from "../limits/rate-limit.ts";
import { RequestError, type Connection } from "./sessions/connection.ts";

/** Who it is, and by which API token, if by one. */
export interface SignedIn { user: string; apiToken: string | null }
/** Who asks the REST API: a person, or (`user` is null) a server. `name` is for the log. */
export interface Caller { user: string | null; name: string; permissions: ReadonlySet<Permission> }
type From = Pick<Connection, "address">;

interface Parts { people: People; tokens: ApiTokens; jwt: JwtVerifier; newcomers: Newcomers; log: Logger }

/** Finds out who somebody is: by a password, a JWT of the company's application, or an API token. */
export class SignIn {
  readonly #parts: Parts;
  readonly #perAccount = new RateLimit(5, 12_000);
  readonly #perAddress = new RateLimit(30, 2_000);
  /** Refused since the start, by way. */
  readonly failures = { password: 0, token: 0 };

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** @throws RequestError */
  async byPassword({ user, password }: Params<"login">, { address }: From): Promise<SignedIn> {
    refuseAfter(Math.max(this.#perAddress.take(address), this.#perAccount.take(user)));
    const row = this.#parts.people.row(user);
    const matches = row && row.password !== "" ? await passwordMatches(password, row.password) : (await pretendToCompare(password), false);
    if (!matches) {
      this.failures.password++;
      this.#parts.log.info({ user, address }, "sign-in refused");
      throw new RequestError("unauthorized", "The user name or the password is wrong.");
    }
    this.#perAccount.forgive(user);
    // An office behind one address is many people: only what was wrong counts.
    this.#perAddress.giveBack(address);
    return { user, apiToken: null };
  }

  /** @throws RequestError */
  async byToken({ token }: Params<"loginWithToken">, { address }: From): Promise<SignedIn> {
    refuseAfter(this.#perAddress.wait(address));
    try {
      return token.startsWith(tokenPrefix) ? this.#byApiToken(token) : await this.#byJwt(token);
    } catch (error) {
      if (error instanceof RequestError && error.code === "unauthorized") {
        this.failures.token++;
        this.#perAddress.take(address);
        this.#parts.log.info({ address, reason: error.message }, "sign-in refused");
      }
      throw error;
    }
  }

  /** @throws RequestError */
  async caller(token: string, from: From): Promise<Caller> {
    const { people, tokens } = this.#parts;
    const holder = token.startsWith(tokenPrefix) ? tokens.verify(token) : undefined;
    if (holder && holder.user === null) return { user: null, name: holder.name, permissions: new Set(holder.scopes) };
    const { user } = await this.byToken({ token }, from);
    const own = people.permissionsOf(user);
    return { user, name: holder?.name ?? user, permissions: holder ? new Set(holder.scopes.filter((scope) => own.has(scope))) : own };
  }

  #byApiToken(token: string): SignedIn {
    const holder = this.#parts.tokens.verify(token);
    if (!holder) throw new RequestError("unauthorized", "The API token is unknown, was revoked or has expired.");
    if (holder.user === null) throw new RequestError("forbidden", "This API token is nobody's: it is for /api alone. Make one with a user to sign in by it.");
    if (!this.#parts.people.row(holder.user)) throw new RequestError("unauthorized", "The API token is of somebody who was removed.");
    return { user: holder.user, apiToken: holder.id };
  }

  async #byJwt(token: string): Promise<SignedIn> {
    return { user: await this.#parts.newcomers.welcome(await this.#parts.jwt.verify(token)), apiToken: null };
  }
}

function refuseAfter(waitMs: number): void {
  if (waitMs > 0) throw new RequestError("too-many", `Too many attempts to sign in. Try again in ${Math.ceil(waitMs / 1_000)} seconds.`);
}
