import { bounds } from "../bounds.ts";
import type { Events } from "../events.ts";
import type { SipSocket } from "../sip/socket.ts";

/** One device of a person: where requests for them go. */
export interface Registration { person: string; authName: string; contact: string; socket: SipSocket; until: number; callId: string; agent: string }

/** Who can be reached, and over which connection (RFC 3261 section 10). */
export class Registrar {
  readonly #domain: string;
  readonly #events: Events;
  readonly #registrations = new Map<string, Registration>();

  constructor(domain: string, events: Events) {
    this.#domain = domain;
    this.#events = events;
    setInterval(() => this.#expire(), 5_000).unref();
  }

  get all(): Registration[] {
    return [...this.#registrations.values()];
  }

  /** A person's devices, the newest first. */
  of(person: string): Registration[] {
    return this.all.filter((one) => one.person === person && one.socket.open && one.until > Date.now()).reverse();
  }

  put(registration: Registration): void {
    const key = keyOf(registration);
    this.#registrations.delete(key);
    const others = this.of(registration.person);
    for (const oldest of others.slice(bounds.registrationsPerPerson - 1)) this.#registrations.delete(keyOf(oldest));
    this.#registrations.set(key, registration);
    this.#tell("sofia::register", registration);
  }

  remove(person: string, contact: string): void {
    const key = keyOf({ person, contact });
    const registration = this.#registrations.get(key);
    if (!registration) return;
    this.#registrations.delete(key);
    this.#tell("sofia::unregister", registration);
  }

  /** A connection is gone, and with it every device on it. */
  removeSocket(socket: SipSocket): void {
    for (const one of this.all) if (one.socket === socket) this.remove(one.person, one.contact);
  }

  #expire(): void {
    for (const one of this.all) if (one.until <= Date.now()) this.remove(one.person, one.contact);
  }

  #tell(subclass: string, { person, contact, socket, callId, agent, authName }: Registration): void {
    this.#events.emit("CUSTOM", {
      "profile-name": "houseline", "from-user": person, "from-host": this.#domain, "contact": contact, "call-id": callId,
      "user-agent": agent, "username": authName, "realm": this.#domain, "network-ip": socket.ip, "network-port": String(socket.port),
    }, { subclass });
  }
}

const keyOf = ({ person, contact }: Pick<Registration, "person" | "contact">) => `${person} ${contact}`;
