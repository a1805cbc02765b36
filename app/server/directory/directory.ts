import type { Config } from "../config.ts";
import type { People } from "../people.ts";
import type { Rooms } from "../rooms.ts";
import type { Sessions } from "../sessions/sessions.ts";
import type { RoomRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { notFound, userDocument } from "./xml.ts";

interface Parts { store: Store; people: People; sessions: Sessions; rooms: Rooms }

/** What the switch is told about an auth name, a person, a room, an extension or a room's number. */
export class SwitchDirectory {
  readonly #domain: string;
  readonly #parts: Parts;

  constructor({ domain }: Pick<Config, "domain">, parts: Parts) {
    this.#domain = domain;
    this.#parts = parts;
  }

  async answer(user: string, domain: string): Promise<string> {
    if (domain !== "" && domain !== this.#domain) return notFound;
    if (user.includes("~")) return this.#account(user);
    const room = this.#parts.rooms.find(user);
    return room ? this.#room(room) : this.#person(user);
  }

  /** An account of one session: the switch authenticates with it and knows whose it is. */
  async #account(sipUser: string): Promise<string> {
    const { store, people, sessions } = this.#parts;
    const session = await store.sessions.bySipUser(sipUser);
    const person = session && (session.connected || session.expiresAt > Date.now()) ? people.row(session.user) : undefined;
    if (!session || !person) return notFound;
    return userDocument(this.#domain, {
      id: sipUser,
      params: { "a1-hash": sessions.a1Hash(session.id, sipUser) },
      variables: {
        "sip-force-user": person.user, "user_context": "default", "language": person.language,
        "effective_caller_id_name": person.name, "effective_caller_id_number": person.extension,
      },
    });
  }

  /** A person who is called: all of their devices. */
  #person(address: string): string {
    const { people } = this.#parts;
    const found = people.find(address);
    const person = found && people.row(found.user);
    if (!person) return notFound;
    return userDocument(this.#domain, {
      id: person.user,
      numberAlias: person.extension,
      params: { "dial-string": dialString(person.user, this.#domain) },
      variables: {
        language: person.language, voicemail: String(person.voicemail),
        ...(people.doNotDisturb(person.user) ? { do_not_disturb: "true" } : {}),
      },
    });
  }

  /** A conference room: nobody registers as one, the dialplan asks for its settings. */
  #room({ name, title, number, pin, moderators }: RoomRow): string {
    return userDocument(this.#domain, {
      id: `room-${name}`,
      ...(number === null ? {} : { numberAlias: number }),
      params: {},
      variables: { room_name: name, room_title: title, room_number: number ?? "", room_pin: pin, room_moderators: moderators.join(" ") },
    });
  }
}

/**
 * All of a person's devices, for `user/anna`. What a device registers as its contact is pasted into a dial string, where a comma begins
 * another leg and a bracket sets variables, some of which run commands: whoever has anything but plain SIP URIs has no device.
 */
function dialString(user: string, domain: string): string {
  return `\${regex(\${sofia_contact(*/${user}@${domain})}|^.*(?!,sofia/houseline6?/sip:)(?!%(?!7[Ee]))[^A-Za-z0-9._+:;=@/-].*$|error/user_not_registered)}`;
}
