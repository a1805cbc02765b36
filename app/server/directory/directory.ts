import type { Config } from "../config.ts";
import type { People } from "../people.ts";
import type { Sessions } from "../sessions/sessions.ts";
import type { Store } from "../store/store.ts";
import { notFound, userDocument } from "./xml.ts";

/** What the switch is told about an auth name, a person or an extension. */
export class SwitchDirectory {
  readonly #domain: string;
  readonly #store: Store;
  readonly #people: People;
  readonly #sessions: Sessions;

  constructor({ domain }: Pick<Config, "domain">, store: Store, people: People, sessions: Sessions) {
    this.#domain = domain;
    this.#store = store;
    this.#people = people;
    this.#sessions = sessions;
  }

  async answer(user: string, domain: string): Promise<string> {
    if (domain !== "" && domain !== this.#domain) return notFound;
    return user.includes("~") ? this.#account(user) : this.#person(user);
  }

  /** An account of one session: the switch authenticates with it and knows whose it is. */
  async #account(sipUser: string): Promise<string> {
    const session = await this.#store.sessions.bySipUser(sipUser);
    const person = session && (session.connected || session.expiresAt > Date.now()) ? this.#people.row(session.user) : undefined;
    if (!session || !person) return notFound;
    return userDocument(this.#domain, {
      id: sipUser,
      params: { "a1-hash": this.#sessions.a1Hash(session.id, sipUser) },
      variables: {
        "sip-force-user": person.user, "user_context": "default",
        "effective_caller_id_name": person.name, "effective_caller_id_number": person.extension,
      },
    });
  }

  /** A person who is called: all of their devices. */
  #person(address: string): string {
    const person = this.#people.find(address);
    if (!person) return notFound;
    return userDocument(this.#domain, {
      id: person.user,
      numberAlias: person.extension,
      params: { "dial-string": `\${sofia_contact(*/${person.user}@${this.#domain})}` },
      variables: this.#people.doNotDisturb(person.user) ? { do_not_disturb: "true" } : {},
    });
  }
}
