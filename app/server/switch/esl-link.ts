import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { show, type EslCommand, type EslNotice } from "./commands.ts";
import { EslRefusal, LinkError } from "./esl-error.ts";
import { Connection, takeJsonEvents, type EslEvent } from "./modesl.ts";

/** Milliseconds; every wait has an end. */
const defaults = {
  connectTimeoutMs: 3_000,
  commandTimeoutMs: 5_000,
  /** From one look at whether the switch is there to the next, and how long it may take to answer: a hung connection is noticed after both. */
  heartbeatMs: 1_500,
  heartbeatTimeoutMs: 3_000,
  backOffMs: { first: 200, most: 5_000 },
};

/** Commands sent and not answered yet. */
const mostPending = 2_000;

/** Events by header name; arrays and numbers are left as the switch gives them. */
export type SwitchEvent = Readonly<Record<string, unknown>>;

interface LinkEvents {
  up: [];
  down: [reason: string];
  /** Nobody listens on the port: the program that did is gone. */
  refused: [];
  event: [event: SwitchEvent];
}

interface Pending { reject(error: Error): void; timer: NodeJS.Timeout }
interface Job extends Pending { resolve(body: string): void; name: string }

/**
 * A connection to one ESL port that keeps coming back. It owns what modesl leaves open: back-off with jitter, subscribing again, a
 * deadline for each command, rejecting what is pending when the socket closes, and a heartbeat that notices one that hangs.
 */
export class EslLink extends EventEmitter<LinkEvents> {
  readonly host: string;
  readonly port: number;
  readonly #password: string;
  readonly #events: string;
  readonly #options: typeof defaults;
  readonly #pending = new Set<Pending>();
  /** Commands that run in the background, by Job-UUID. */
  readonly #jobs = new Map<string, Job>();
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
   * Runs a command that the switch answers at once.
   *
   * @returns its body
   * @throws EslRefusal when the switch answers `-ERR`; LinkError when the link is down or nothing came within the deadline
   */
  async api(command: EslCommand, timeoutMs = this.#options.commandTimeoutMs): Promise<string> {
    const event = await this.#ask(command.name, (connection, answer) => connection.api(command.line, answer), timeoutMs);
    return bodyOf(command.name, event.getBody() ?? "");
  }

  /**
   * Runs a command that takes its time, such as `originate`, without holding up the others.
   *
   * @param timeoutMs from sending to its end
   * @throws as `api`
   */
  async background(command: EslCommand, timeoutMs: number): Promise<string> {
    const id = randomUUID();
    const done = new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#jobs.delete(id);
        reject(new LinkError(`${command.name}: the switch did not finish in time`));
      }, timeoutMs);
      this.#jobs.set(id, { resolve, reject, timer, name: command.name });
    });
    // Awaited below; until then a loss of the link must not count as unhandled.
    done.catch(() => {});
    try {
      await this.#ask(command.name, (connection, answer) => connection.sendRecv(`bgapi ${command.line}`, { "Job-UUID": id }, answer), this.#options.commandTimeoutMs);
    } catch (error) {
      this.#settleJob(id)?.reject(error as Error);
    }
    return done;
  }

  /** Fires an event in the switch, which comes back to every server that listens there, this one too. */
  async fire({ subclass, headers }: EslNotice): Promise<void> {
    await this.#ask("sendevent", (connection, answer) => connection.sendRecv("sendevent CUSTOM", { "Event-Subclass": subclass, ...headers }, answer), this.#options.commandTimeoutMs);
  }

  #connect(): void {
    const connection: Connection = new Connection(this.host, this.port, this.#password);
    this.#connection = connection;
    const socket = connection.socket as Socket;
    const deadline = setTimeout(() => socket.destroy(new Error("no answer in time")), this.#options.connectTimeoutMs);
    let reason = "closed by the switch";
    connection.on("error", (error: NodeJS.ErrnoException) => {
      reason = error.message;
      if (error.code === "ECONNREFUSED" && connection === this.#connection) this.emit("refused");
    });
    connection.on("esl::event::auth::fail", () => {
      reason = "the switch refused the password";
      socket.destroy();
    });
    connection.on("esl::ready", () => {
      clearTimeout(deadline);
      if (connection === this.#connection) this.#ready(connection);
    });
    takeJsonEvents(connection, (event) => {
      if (connection === this.#connection && typeof event === "object" && event !== null) this.#take(event as SwitchEvent);
    });
    socket.setNoDelay(true);
    socket.on("close", () => {
      clearTimeout(deadline);
      if (connection === this.#connection) this.#drop(reason);
    });
  }

  #take(event: SwitchEvent): void {
    const name = event["Event-Name"];
    if (typeof name !== "string" || name === "") return;
    if (name !== "BACKGROUND_JOB") return void this.emit("event", event);
    const job = this.#settleJob(String(event["Job-UUID"]));
    if (!job) return;
    try {
      job.resolve(bodyOf(job.name, String(event._body ?? "")));
    } catch (error) {
      job.reject(error as Error);
    }
  }

  #ready(connection: Connection): void {
    const subscribe = (line: string) => this.#ask("event", (_, answer) => connection.sendRecv(line, {}, answer), this.#options.commandTimeoutMs);
    // modesl has asked for one that nobody reads, which comes with every step of a dialplan.
    Promise.all([subscribe("nixevent CHANNEL_EXECUTE_COMPLETE"), subscribe(`event json BACKGROUND_JOB ${this.#events}`)]).then(() => {
      if (connection !== this.#connection) return;
      this.#up = true;
      this.#attempt = 0;
      this.#heartbeat = setInterval(() => void this.api(show.variable("core_uuid"), this.#options.heartbeatTimeoutMs).catch(() => {}), this.#options.heartbeatMs);
      this.emit("up");
    }).catch(() => (connection.socket as Socket | null)?.destroy());
  }

  #ask(name: string, send: (connection: Connection, answer: (event: EslEvent) => void) => void, timeoutMs: number): Promise<EslEvent> {
    const connection = this.#connection;
    if (!connection?.socket) return Promise.reject(new LinkError(`${name}: the switch is not connected`));
    if (this.#pending.size >= mostPending) return Promise.reject(new LinkError(`${name}: too many commands wait for the switch`));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(pending);
        reject(new LinkError(`${name}: the switch did not answer in time`));
        // modesl matches answers by order alone: after a lost one nothing on this socket can be trusted.
        this.#drop(`${name} was not answered in time`);
      }, timeoutMs);
      const pending: Pending = { reject, timer };
      this.#pending.add(pending);
      send(connection, (event) => {
        clearTimeout(timer);
        if (this.#pending.delete(pending)) resolve(event);
      });
    });
  }

  #settleJob(id: string): Job | undefined {
    const job = this.#jobs.get(id);
    if (job) clearTimeout(job.timer);
    this.#jobs.delete(id);
    return job;
  }

  #drop(reason: string): void {
    const connection = this.#connection;
    this.#connection = undefined;
    clearInterval(this.#heartbeat);
    (connection?.socket as Socket | null)?.destroy();
    for (const { reject, timer } of [...this.#pending, ...this.#jobs.values()]) {
      clearTimeout(timer);
      reject(new LinkError(`The connection to the switch was lost: ${reason}.`));
    }
    this.#pending.clear();
    this.#jobs.clear();
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

function bodyOf(name: string, body: string): string {
  if (body.startsWith("-ERR") || body.startsWith("-USAGE")) throw new EslRefusal(name, body.replace(/^-(ERR|USAGE)[: ]*/, "").trim() || "refused");
  return body;
}
