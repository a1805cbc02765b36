import type { SwitchEvent } from "./esl-link.ts";
import { profiles, type Profile } from "./commands.ts";
import { contactOf, type ContactWord } from "./words.ts";

/** A device that can be rung: its account, whose that is, and where the switch reaches it. */
export interface Registration {
  account: string;
  user: string;
  /** Of the switch. */
  profile: Profile;
  contact: ContactWord;
  /** The user part of the contact: JsSIP makes a new one for each page, and keeps it over its connections. */
  instance: string;
}

/** Registrations of one switch; more are not followed. */
const mostRegistrations = 50_000;

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** Who is registered with one switch, by its events and, after a gap, by its list. (FreeSWITCH, "sofia::register") */
export class Registrations {
  /** By instance; the newest last. */
  readonly #all = new Map<string, Registration>();

  get all(): readonly Registration[] {
    return [...this.#all.values()];
  }

  /** A registration, or nothing when the event is about none; `known` when it only was refreshed. */
  register(event: SwitchEvent): { registration: Registration; known: boolean } | undefined {
    return this.#put(text(event.username) || text(event.sip_auth_username), profileOf(text(event["profile-name"])), text(event.contact));
  }

  unregister(event: SwitchEvent): Registration | undefined {
    const instance = instanceOf(contactOf(text(event.contact)));
    const gone = this.#all.get(instance);
    this.#all.delete(instance);
    return gone;
  }

  /** Takes the output of `sofia status profile … reg` for the truth, of each profile. */
  replace(lists: readonly { profile: Profile; list: string }[]): void {
    this.#all.clear();
    for (const { profile, list } of lists) {
      for (const block of list.split(/\n\s*\n/)) {
        const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, "m").exec(block)?.[1]?.trim() ?? "";
        this.#put(field("Auth-User"), profile, field("Contact"));
      }
    }
  }

  clear(): void {
    this.#all.clear();
  }

  byInstance(instance: string): Registration | undefined {
    return this.#all.get(instance);
  }

  /** The newest of an account's: a page that was reloaded leaves an older one behind for a while. */
  ofAccount(account: string): Registration | undefined {
    return this.all.findLast((one) => one.account === account);
  }

  /** A person's devices, the newest registration of each. */
  of(user: string): Registration[] {
    return [...new Map(this.all.filter((one) => one.user === user).map((one) => [one.account, one])).values()];
  }

  #put(account: string, profile: Profile, header: string): { registration: Registration; known: boolean } | undefined {
    const contact = contactOf(header);
    const user = account.split("~")[0] ?? "";
    if (contact === undefined || account === "" || user === "") return undefined;
    const instance = instanceOf(contact);
    const known = this.#all.get(instance)?.account === account;
    if (!known && this.#all.size >= mostRegistrations) return undefined;
    const registration = { account, user, profile, contact, instance };
    this.#all.delete(instance);
    this.#all.set(instance, registration);
    return { registration, known };
  }
}

function profileOf(name: string): Profile {
  return profiles.find((one) => one === name) ?? "houseline";
}

function instanceOf(contact: ContactWord | undefined): string {
  return /^sip:([^@]+)@/.exec(contact ?? "")?.[1] ?? "";
}
