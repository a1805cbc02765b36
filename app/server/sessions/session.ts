import { limits, type EventData, type EventName, type Permission } from "../../protocol/wire.ts";
import type { Broadcasts } from "./broadcasts.ts";
import type { Connection, Heartbeat } from "./connection.ts";
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

/** An event as it was numbered for this session. Its data is shared by everybody who was told the same: the frame is made when it is sent. */
interface Sent { seq: number; name: EventName; data: string; at: number }

/** Somebody signed in on one device: outlives its sockets. */
export class Session implements Identity, Heartbeat {
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
  readonly #broadcasts: Broadcasts;
  /** Up to here, events are among those of its own alone: it came from another server. */
  #first: number;
  #seq: number;
  /** The last broadcast that it was given a number for, and told if it has a socket. */
  #broadcast: number;
  /** Events for this session alone, or from another server; the numbers between them are broadcasts. */
  #own: Sent[];
  /** Numbers up to which a ping was sent after them, one of those was answered, and the one before that was. */
  #pinged: number;
  #answered: number;
  #received: number;
  #connection: Connection | undefined;

  constructor({ id, user, sipUser, createdAt, apiToken }: Identity, resumeToken: string, permissions: () => ReadonlySet<Permission>, broadcasts: Broadcasts, before: Pick<Frozen, "seq" | "sent"> = { seq: 0, sent: [] }) {
    this.id = id;
    this.user = user;
    this.sipUser = sipUser;
    this.createdAt = createdAt;
    this.apiToken = apiToken;
    this.resumeToken = resumeToken;
    this.#permissions = permissions;
    this.#broadcasts = broadcasts;
    this.#broadcast = broadcasts.last;
    this.#seq = this.#first = this.#pinged = before.seq;
    this.#answered = this.#received = Math.min(before.seq, (before.sent[0]?.seq ?? before.seq + 1) - 1);
    this.#own = before.sent.map(({ seq, text, at }) => ({ seq, at, ...partsOf(text) }));
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
    // Not over the new socket: there they would come once more with what was missed.
    this.catchUp();
    this.#connection = connection;
    connection.heartbeat = this;
    this.#pinged = this.#answered;
    return before === connection ? undefined : before;
  }

  /** Whether the socket that went was this session's own, not one that was replaced. */
  detach(connection: Connection): boolean {
    if (this.#connection !== connection) return false;
    this.#connection = undefined;
    this.detachedAt = Date.now();
    return true;
  }

  /** Gives its socket up, which may be open for a moment more: what becomes of it is no longer this session's. */
  leave(): void {
    this.#connection = undefined;
  }

  onPing(): void {
    this.#pinged = this.#seq;
  }

  /**
   * What was sent before an answered ping has reached the device (RFC 6455, 5.5.2). It is still kept until the next is answered: the page may
   * be gone before it has read all of that.
   */
  onPong(): void {
    this.#received = Math.max(this.#received, this.#answered);
    this.#answered = this.#pinged;
    if (this.#own.length === 0) return;
    const kept = this.#own.findIndex(({ seq }) => seq > this.#received);
    if (kept !== 0) this.#own = kept === -1 ? [] : this.#own.slice(kept);
  }

  emit<Name extends EventName>(name: Name, data: EventData<Name>): void {
    this.send(name, JSON.stringify(data));
  }

  /** The same with its data as JSON: what goes to several is made once. */
  send(name: EventName, data: string): void {
    this.catchUp();
    const event = { seq: ++this.#seq, name, data, at: Date.now() };
    this.#own.push(event);
    // Cut back now and then, not with every event.
    if (this.#own.length > limits.replayEvents * 1.2) this.#received = this.#own.splice(0, this.#own.length - limits.replayEvents).at(-1)!.seq;
    this.#connection?.send(frameOf(event));
  }

  /** Tells the broadcasts that it has not been told yet. */
  catchUp(): void {
    while (this.#broadcast < this.#broadcasts.last) {
      const one = this.#broadcasts.get(++this.#broadcast);
      // One that is too old leaves its number out: the device asks for what it misses, and starts over.
      this.#seq++;
      if (one) this.#connection?.send(frameOf({ seq: this.#seq, ...one }));
    }
  }

  /**
   * Sends what was missed after a number.
   *
   * @returns whether that was all; a number that this session never gave is taken on
   */
  replay(lastSeq: number): boolean {
    this.catchUp();
    const missed = lastSeq <= this.#seq ? this.#after(lastSeq) : [];
    const isWhole = lastSeq + missed.length === this.#seq;
    // The next number is beyond whatever the device has seen; nothing before it can be asked for again.
    if (lastSeq > this.#seq) {
      this.#seq = this.#first = this.#pinged = this.#answered = this.#received = lastSeq;
      this.#own = [];
    }
    if (isWhole) this.#connection?.sendMissed(missed.map(frameOf));
    return isWhole;
  }

  /**
   * What another server needs to go on where this one stops.
   *
   * @param people digest of the people of whom every device has been told
   */
  freeze(people?: string): Frozen {
    this.catchUp();
    return { seq: this.#seq, sent: this.#after(this.#seq - limits.replayEvents).map((event) => ({ seq: event.seq, text: frameOf(event), at: event.at })), frozenAt: Date.now(), ...(people !== undefined && { people }) };
  }

  /** Events after a number, as far back as all of them are there. */
  #after(lastSeq: number): Sent[] {
    const found: Sent[] = [];
    let own = this.#own.length - 1;
    let broadcast = this.#broadcast;
    for (let seq = this.#seq; seq > Math.max(this.#received, lastSeq); seq--) {
      if (this.#own[own]?.seq === seq) {
        found.push(this.#own[own--]!);
        continue;
      }
      const one = seq > this.#first ? this.#broadcasts.get(broadcast--) : undefined;
      if (!one) break;
      found.push({ seq, ...one });
    }
    return found.reverse();
  }
}

function frameOf({ seq, name, data }: Pick<Sent, "seq" | "name" | "data">): string {
  return `{"type":"event","seq":${seq},"name":"${name}","data":${data}}`;
}

/** The other way round, for what another server framed. */
function partsOf(frame: string): Pick<Sent, "name" | "data"> {
  const [name, data] = [frame.indexOf('"name":"') + 8, frame.indexOf('","data":')];
  return { name: frame.slice(name, data) as EventName, data: frame.slice(data + 9, -1) };
}
