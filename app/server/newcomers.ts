import type { Claims } from "./jwt.ts";
import type { Logger } from "./log.ts";
import type { People } from "./people.ts";
import { RequestError } from "./sessions/connection.ts";
import { AlreadyThere } from "./store/database.ts";

/** Other servers may take the same extension at the same moment. */
const mostTries = 10;

/** People whom the company's application vouches for: made when they are first seen, and named as it names them. */
export class Newcomers {
  readonly #people: People;
  readonly #first: number;
  readonly #last: number;
  readonly #log: Logger;
  /** Where looking for the next one begins. */
  #next: number;

  /** @param extensions first and last of those that are given out */
  constructor(people: People, extensions: readonly [number, number], log: Logger) {
    this.#people = people;
    [this.#first, this.#last] = extensions;
    this.#next = this.#first;
    this.#log = log;
  }

  /** @throws RequestError when no extension is free */
  async welcome(claims: Claims): Promise<string> {
    if (this.#people.row(claims.user)) await this.#update(claims);
    else await this.#add(claims);
    return claims.user;
  }

  async #update({ user, name, extension, role }: Claims): Promise<void> {
    const row = this.#people.row(user)!;
    const changed = {
      ...(name === undefined || name === row.name ? {} : { name }),
      ...(role === undefined || role === row.role ? {} : { role }),
      ...(extension === undefined || extension === row.extension || this.#people.find(extension) ? {} : { extension }),
    };
    if (extension !== undefined && extension !== row.extension && !changed.extension) this.#log.warn({ user, extension }, "the token's extension is somebody else's");
    if (Object.keys(changed).length > 0) await this.#people.change(user, changed);
  }

  async #add({ user, name, extension, role }: Claims): Promise<void> {
    for (let tries = 0; tries < mostTries; tries++) {
      if (this.#people.row(user)) return;
      const own = extension !== undefined && !this.#people.find(extension) ? extension : this.free();
      if (extension !== undefined && own !== extension) this.#log.warn({ user, extension, given: own }, "the token's extension is somebody else's");
      try {
        await this.#people.add({ user, name: name ?? user, extension: own, password: "", ...(role === undefined ? {} : { role }) });
        this.#log.info({ user, extension: own }, "somebody new came by token");
        return;
      } catch (error) {
        if (!(error instanceof AlreadyThere)) throw error;
        await this.#people.load();
      }
    }
    throw new RequestError("unavailable", "No extension could be found for this person. Try again.");
  }

  /** @throws RequestError when none is free */
  free(): string {
    // What was given back is found in the second round.
    for (let round = 0; round < 2; round++, this.#next = this.#first) {
      while (this.#next <= this.#last) {
        const extension = String(this.#next++);
        if (!this.#people.find(extension)) return extension;
      }
    }
    throw new RequestError("unavailable", `Every extension from ${this.#first} to ${this.#last} is taken: whoever runs this server can widen 'signIn.jwtExtensions'.`);
  }
}
