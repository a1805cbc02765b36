import { limits, type EventData, type EventName, type Permission } from "../../protocol/wire.ts";
import type { Connection } from "./connection.ts";
import type { Frozen } from "./hand-over.ts";

/** What a session is from its beginning to its end, on whichever server. */
export interface Identity {
  /** Public: the id of the device. */
  id: string;
  user: string;
  /** Auth name of its SIP account, such as `anna~k3f9`. */
  sipUser: string;
  createdAt: number;
  /** Id of the API token by which it was begun. */
  apiToken: string | null;
}

interface Sent { seq: number; text: string; at: number }

/** Somebody signed in on one device: outlives its sockets. */
export class Session implements Identity {
  readonly id: string;
  readonly user: string;
  readonly sipUser: string;
  readonly createdAt: number;
  readonly apiToken: string | null;
  /** Kept for the answer to a return; in the database it is hashed. */
  readonly resumeToken: string;
  /** When its socket went, while it has none. */
  detachedAt = 0;
  readonly #permissions: () => ReadonlySet<Permission>;
  #seq: number;
  #sent: Sent[];
  #connection: Connection | undefined;

  constructor({ id, user, sipUser, createdAt, apiToken }: Identity, resumeToken: string, permissions: () => ReadonlySet<Permission>, before: { seq: number; sent: Sent[] } = { seq: 0, sent: [] }) {
    this.id = id;
    this.user = user;
    this.sipUser = sipUser;
    this.createdAt = createdAt;
    this.apiToken = apiToken;
    this.resumeToken = resumeToken;
    this.#permissions = permissions;
    this.#seq = before.seq;
    this.#sent = before.sent;
  }

  get connected(): boolean {
    return this.#connection !== undefined;
  }

  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** What this session may do at the moment: by its person's role, and by the API token that began it. */
  get permissions(): ReadonlySet<Permission> {
    return this.#permissions();
  }

  may(permission: Permission): boolean {
    return this.permissions.has(permission);
  }

  /** Takes a new socket and gives the one before it back. */
  attach(connection: Connection): Connection | undefined {
    const before = this.#connection;
    this.#connection = connection;
    return before === connection ? undefined : before;
  }

  /** Whether the socket that went was this session's own, not one that was replaced. */
  detach(connection: Connection): boolean {
    if (this.#connection !== connection) return false;
    this.#connection = undefined;
    this.detachedAt = Date.now();
    return true;
  }

  emit<Name extends EventName>(name: Name, data: EventData<Name>): void {
    this.send(name, JSON.stringify(data));
  }

  /** The same with its data as JSON: what goes to many is made once. */
  send(name: EventName, data: string): void {
    const seq = ++this.#seq;
    const text = `{"type":"event","seq":${seq},"name":"${name}","data":${data}}`;
    this.#sent.push({ seq, text, at: Date.now() });
    // Cut back now and then, not with every event.
    if (this.#sent.length > limits.replayEvents * 1.2) this.#sent.splice(0, this.#sent.length - limits.replayEvents);
    this.#connection?.send(text);
  }

  /**
   * Sends what was missed after a number.
   *
   * @returns whether that was all; a number that this session never gave is taken on
   */
  replay(lastSeq: number): boolean {
    const first = this.#sent[0]?.seq ?? this.#seq + 1;
    const isWhole = lastSeq <= this.#seq && lastSeq + 1 >= first;
    this.#seq = Math.max(this.#seq, lastSeq);
    if (isWhole) for (const { seq, text } of this.#sent) if (seq > lastSeq) this.#connection?.send(text);
    return isWhole;
  }

  /** What another server needs to go on where this one stops. */
  freeze(): Frozen {
    return { seq: this.#seq, sent: this.#sent, frozenAt: Date.now() };
  }
}
