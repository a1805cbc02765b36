import { type Params } from "../protocol/wire.ts";
import type { Logger } from "./log.ts";
import { passwordMatches, pretendToCompare } from "./passwords.ts";
import type { People } from "./people.ts";
import { RateLimit } from "./rate-limit.ts";
import { RequestError, type Connection } from "./sessions/connection.ts";

/** Finds out who somebody is. */
export class SignIn {
  readonly #people: People;
  readonly #log: Logger;
  readonly #perAccount = new RateLimit(5, 12_000);
  readonly #perAddress = new RateLimit(30, 2_000);
  /** Refused since the start. */
  failures = 0;

  constructor(people: People, log: Logger) {
    this.#people = people;
    this.#log = log;
  }

  /** @throws RequestError */
  async byPassword({ user, password }: Params<"login">, { address }: Pick<Connection, "address">): Promise<string> {
    const wait = Math.max(this.#perAddress.take(address), this.#perAccount.take(user));
    if (wait > 0) throw new RequestError("too-many", `Too many attempts to sign in. Try again in ${Math.ceil(wait / 1_000)} seconds.`);
    const row = this.#people.row(user);
    const matches = row && row.password !== "" ? await passwordMatches(password, row.password) : (await pretendToCompare(password), false);
    if (!matches) {
      this.failures++;
      this.#log.info({ user, address }, "sign-in refused");
      throw new RequestError("unauthorized", "The user name or the password is wrong.");
    }
    this.#perAccount.forgive(user);
    return user;
  }
}
