import { limits, type EventData, type EventName } from "../../protocol/wire.ts";
import type { Connection } from "./connection.ts";

interface Sent { seq: number; text: string }

/** Somebody signed in on one device: outlives its sockets. */
export class Session {
  readonly id: string;
  readonly user: string;
  readonly sipUser: string;
  /** Kept for the answer to a return; in the database it is hashed. */
  readonly resumeToken: string;
  /** Until when this server has told the others that the person is online. */
  onlineUntil = 0;
  #seq: number;
  #sent: Sent[] = [];
  #connection: Connection | undefined;

  constructor(id: string, user: string, sipUser: string, resumeToken: string, seq: number) {
    this.id = id;
    this.user = user;
    this.sipUser = sipUser;
    this.resumeToken = resumeToken;
    this.#seq = seq;
  }

  get connected(): boolean {
    return this.#connection !== undefined;
  }

  get connection(): Connection | undefined {
    return this.#connection;
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
    return true;
  }

  emit<Name extends EventName>(name: Name, data: EventData<Name>): void {
    const seq = ++this.#seq;
    const text = JSON.stringify({ type: "event", seq, name, data });
    this.#sent.push({ seq, text });
    if (this.#sent.length > limits.replayEvents) this.#sent.splice(0, this.#sent.length - limits.replayEvents);
    this.#connection?.send(text);
  }

  /** Sends what was missed. A number that this server never gave (another release did) is taken on. */
  replay(lastSeq: number): void {
    this.#seq = Math.max(this.#seq, lastSeq);
    for (const { seq, text } of this.#sent) if (seq > lastSeq) this.#connection?.send(text);
  }
}
