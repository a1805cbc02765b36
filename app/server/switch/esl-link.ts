import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { Connection, type EslEvent } from "./modesl.ts";

/** Milliseconds; every wait has an end. */
const defaults = {
  connectTimeoutMs: 3_000,
  commandTimeoutMs: 5_000,
  /** Silence after which the switch is asked whether it is there. */
  heartbeatMs: 10_000,
  backOffMs: { first: 200, most: 5_000 },
};

/** Commands sent and not answered yet. */
const mostPending = 200;

/** Events by header name; arrays and numbers are left as the switch gives them. */
export type SwitchEvent = Readonly<Record<string, unknown>>;

interface LinkEvents {
  up: [];
  down: [reason: string];
  event: [event: SwitchEvent];
}

interface Pending { reject(error: Error): void; timer: NodeJS.Timeout }

/**
 * A connection to one ESL port that keeps coming back. It owns what modesl leaves open: back-off with jitter, a deadline
 * for each command, rejecting what is pending when the socket closes, and a heartbeat.
 */
export class EslLink extends EventEmitter<LinkEvents> {
  readonly host: string;
  readonly port: number;
  readonly #password: string;
  readonly #events: string;
  readonly #options: typeof defaults;
  readonly #pending = new Set<Pending>();
  #connection: Connection | undefined;
  #retry: NodeJS.Timeout | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #attempt = 0;
  #up = false;
  #closed = false;

  constructor(host: string, port: number, password: string, events: string, options: Partial<typeof defaults> = {}) {
    super();
    this.host = host;
    this.port = port;
    this.#password = password;
    this.#events = events;
    this.#options = { ...defaults, ...options };
  }

  get up(): boolean {
    return this.#up;
  }

  start(): void {
    if (!this.#closed) this.#connect();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#drop("this server is going");
  }

  /**
   * Runs an `api` command.
   *
   * @returns its body
   * @throws Error when the link is down, the switch answers `-ERR`, or nothing within the deadline
   */
  api(command: string, ...words: string[]): Promise<string> {
    const line = [command, ...words].join(" ");
    // Whoever builds a command has checked its words; a line break would be a second command.
    if (/[\r\n]/.test(line)) return Promise.reject(new Error("An ESL command can't hold a line break."));
    return this.#ask((connection, answer) => connection.api(line, answer), line.split(" ")[0]!).then((event) => {
      const body = event.getBody() ?? "";
      if (body.startsWith("-ERR")) throw new Error(`${line.split(" ")[0]}: ${body.slice(5).trim() || "refused"}`);
      return body;
    });
  }

  #connect(): void {
    const connection: Connection = new Connection(this.host, this.port, this.#password);
    this.#connection = connection;
    const socket = connection.socket as Socket;
    const deadline = setTimeout(() => socket.destroy(new Error("no answer in time")), this.#options.connectTimeoutMs);
    let reason = "closed by the switch";
    connection.on("error", (error: Error) => { reason = error.message; });
    connection.on("esl::event::auth::fail", () => {
      reason = "the switch refused the password";
      socket.destroy();
    });
    connection.on("esl::ready", () => {
      clearTimeout(deadline);
      if (connection === this.#connection) this.#ready(connection);
    });
    connection.on("esl::event::**", (event: EslEvent) => {
      if (connection === this.#connection && event.getHeader("Event-Name")) this.emit("event", recordOf(event));
    });
    socket.setNoDelay(true);
    socket.on("close", () => {
      clearTimeout(deadline);
      if (connection === this.#connection) this.#drop(reason);
    });
  }

  #ready(connection: Connection): void {
    this.#ask((_, answer) => connection.sendRecv(`event json ${this.#events}`, answer), "event").then(() => {
      if (connection !== this.#connection) return;
      this.#up = true;
      this.#attempt = 0;
      this.#heartbeat = setInterval(() => void this.api("status").catch(() => this.#drop("no answer to a heartbeat")), this.#options.heartbeatMs);
      this.emit("up");
    }).catch(() => (connection.socket as Socket | null)?.destroy());
  }

  #ask(send: (connection: Connection, answer: (event: EslEvent) => void) => void, name: string): Promise<EslEvent> {
    const connection = this.#connection;
    if (!connection?.socket) return Promise.reject(new Error(`${name}: the switch is not connected`));
    if (this.#pending.size >= mostPending) return Promise.reject(new Error(`${name}: too many commands wait for the switch`));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(pending);
        reject(new Error(`${name}: the switch did not answer in time`));
        // modesl matches answers by order alone: after a lost one nothing on this socket can be trusted.
        this.#drop("a command was not answered in time");
      }, this.#options.commandTimeoutMs);
      const pending: Pending = { reject, timer };
      this.#pending.add(pending);
      send(connection, (event) => {
        clearTimeout(timer);
        if (this.#pending.delete(pending)) resolve(event);
      });
    });
  }

  #drop(reason: string): void {
    const connection = this.#connection;
    this.#connection = undefined;
    clearInterval(this.#heartbeat);
    (connection?.socket as Socket | null)?.destroy();
    for (const { reject, timer } of this.#pending) {
      clearTimeout(timer);
      reject(new Error(`The connection to the switch was lost: ${reason}.`));
    }
    this.#pending.clear();
    const wasUp = this.#up;
    this.#up = false;
    if (wasUp) this.emit("down", reason);
    if (!this.#closed) {
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.#connect(), this.#wait());
    }
  }

  /** Full jitter below an exponential limit: many servers never come back to a switch at once. */
  #wait(): number {
    const { first, most } = this.#options.backOffMs;
    const limit = Math.min(most, first * 2 ** this.#attempt++);
    return first / 2 + Math.random() * limit;
  }
}

function recordOf(event: EslEvent): SwitchEvent {
  return Object.fromEntries(event.headers.map(({ name, value }) => [name, value]));
}
