import { closeCodes, limits, protocolVersion, requests, serverFrame } from "../protocol/wire.ts";
import type { ParamsInput, RequestName, Result, ServerFrame } from "../protocol/wire.ts";
import { ControlError } from "./control-error.ts";
import { Emitter } from "./emitter.ts";

export type EventFrame = Extract<ServerFrame, { type: "event" }>;

export const socketDefaults = {
  /** What the device is called in `hello`: shown to the person in the list of their devices. */
  client: "Houseline",
  /** Milliseconds for the WebSocket to open. */
  openTimeoutMs: 8_000,
  /** Milliseconds for the server to answer a request. */
  requestTimeoutMs: 10_000,
  /** Milliseconds of silence after which the server is pinged. */
  heartbeatMs: 20_000,
};

export type SocketOptions = typeof socketDefaults;

/** How soon a server that says nothing is asked, and how soon it has to answer then; in milliseconds. */
export interface Pace {
  heartbeatMs: number;
  answerMs: number;
}

/** How a socket ended: the close code, or 1006 when it was lost or given up. */
export interface SocketEnd {
  code: number;
  reason: string;
  /** Whether it was given up because the server left a request unanswered. */
  silent?: true;
}

export interface ControlSocketEvents {
  event: [frame: EventFrame];
  closed: [end: SocketEnd];
}

interface Pending {
  name: RequestName;
  resolve(result: unknown): void;
  reject(error: Error): void;
  timer: ReturnType<typeof setTimeout>;
}

const lost = 1006;

/** One WebSocket to the application server: hello, requests with their answers, heartbeat. It never comes back: `Control` does. */
export class ControlSocket extends Emitter<ControlSocketEvents> {
  readonly #options: SocketOptions;
  readonly #socket: WebSocket;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #heardAt = Date.now();
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #pace: Pace;
  #end: SocketEnd | undefined;
  /** What the server said about the connection itself, before it closes it. */
  #complaint: ControlError | undefined;

  private constructor(socket: WebSocket, options: SocketOptions) {
    super();
    this.#socket = socket;
    this.#options = options;
    socket.addEventListener("message", (message) => this.#read(message.data));
    socket.addEventListener("close", (close) => this.#finish({ code: close.code, reason: close.reason }));
    this.#pace = { heartbeatMs: options.heartbeatMs, answerMs: options.requestTimeoutMs };
    this.pace = this.#pace;
    this.#write({ type: "hello", version: protocolVersion, client: options.client });
  }

  /** Opens a socket and says hello; fails with `unavailable` when nobody answers in time. */
  static open(url: string, options: SocketOptions): Promise<ControlSocket> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      const unreachable = () => {
        clearTimeout(timer);
        reject(new ControlError("unavailable", "The telephone server can't be reached. Check the network and try again."));
      };
      const timer = setTimeout(() => {
        socket.removeEventListener("close", unreachable);
        socket.addEventListener("open", () => socket.close());
        socket.close();
        unreachable();
      }, options.openTimeoutMs);
      // Node's and the browser's WebSocket raise `close` after every `error`; without a listener Node reports the error.
      socket.addEventListener("error", () => {});
      socket.addEventListener("close", unreachable);
      socket.addEventListener("open", () => {
        clearTimeout(timer);
        socket.removeEventListener("close", unreachable);
        resolve(new ControlSocket(socket, options));
      });
    });
  }

  /** @param pace from now on */
  set pace(pace: Pace) {
    this.#pace = pace;
    clearInterval(this.#heartbeat);
    if (!this.#end) this.#heartbeat = setInterval(() => this.#beat(), Math.max(50, pace.heartbeatMs / 4));
  }

  get closed(): boolean {
    return this.#end !== undefined;
  }

  request<Name extends RequestName>(name: Name, params: ParamsInput<Name>, timeoutMs = this.#options.requestTimeoutMs): Promise<Result<Name>> {
    if (this.#end) return Promise.reject(disconnected());
    if (this.#pending.size >= limits.requestsInFlight) return Promise.reject(new ControlError("too-many", "Too many requests are waiting for the telephone server."));
    return new Promise<Result<Name>>((resolve, reject) => {
      const id = this.#nextId++;
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new ControlError("unavailable", "The telephone server did not answer in time."));
        // A server that leaves a request unanswered is taken for lost, so that another one can be found.
        this.abandon("a request was not answered", { silent: true });
      }, timeoutMs);
      this.#pending.set(id, { name, resolve: resolve as (result: unknown) => void, reject, timer });
      this.#write({ type: "request", id, name, params });
    });
  }

  /** Asks at once whether the other side still answers: after a change of network the socket itself may not know. */
  probe(timeoutMs = this.#options.requestTimeoutMs): void {
    if (this.#isPinging) return;
    this.request("ping", {}, timeoutMs).catch(() => {});
  }

  close(): void {
    this.#socket.close(1000);
    this.#finish({ code: 1000, reason: "" });
  }

  /** Gives up a socket that may be dead: its own closing handshake could take minutes. */
  abandon(reason: string, more: Pick<SocketEnd, "silent"> = {}): void {
    this.#socket.close();
    this.#finish({ code: lost, reason, ...more });
  }

  #write(frame: object): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  #beat(): void {
    if (Date.now() - this.#heardAt >= this.#pace.heartbeatMs) this.probe(this.#pace.answerMs);
  }

  get #isPinging(): boolean {
    return [...this.#pending.values()].some(({ name }) => name === "ping");
  }

  #read(data: unknown): void {
    if (this.#end) return;
    this.#heardAt = Date.now();
    const frame = parseFrame(data);
    if (!frame) return this.abandon("a frame could not be read");
    if (frame.type === "hello") {
      if (frame.version !== protocolVersion) this.#complain(new ControlError("version", "This page and the telephone server are of different releases: reload the page."));
    } else if (frame.type === "event") this.emit("event", frame);
    else if (frame.type === "error" && frame.id === null) this.#complain(new ControlError(frame.code, frame.message));
    else this.#settle(frame);
  }

  #settle(frame: Extract<ServerFrame, { type: "response" | "error" }>): void {
    const pending = frame.id === null ? undefined : this.#pending.get(frame.id);
    if (!pending || frame.id === null) return;
    this.#pending.delete(frame.id);
    clearTimeout(pending.timer);
    if (frame.type === "error") return pending.reject(new ControlError(frame.code, frame.message));
    const result = requests[pending.name].result.safeParse(frame.result);
    if (result.success) pending.resolve(result.data);
    else pending.reject(new ControlError("internal", `The telephone server's answer to ${pending.name} could not be read.`));
  }

  #complain(complaint: ControlError): void {
    this.#complaint = complaint;
    if (complaint.code === "version") this.close();
  }

  #finish(end: SocketEnd): void {
    if (this.#end) return;
    this.#end = end;
    clearInterval(this.#heartbeat);
    for (const pending of this.#pending.values()) {
      clearTimeout(pending.timer);
      pending.reject(this.#complaint ?? refusal(end));
    }
    this.#pending.clear();
    this.emit("closed", end);
    this.removeListeners();
  }
}

function parseFrame(data: unknown): ServerFrame | undefined {
  try {
    return serverFrame.parse(JSON.parse(String(data)));
  } catch {
    return undefined;
  }
}

function refusal(end: SocketEnd): ControlError {
  if (end.code === closeCodes.unauthorized) return new ControlError("unauthorized", "The telephone server ended the session: sign in again.");
  if (end.code === closeCodes.tooMany) return new ControlError("too-many", "The telephone server has too many connections from here: wait a moment and try again.");
  return disconnected();
}

function disconnected(): ControlError {
  return new ControlError("unavailable", "The connection to the telephone server was lost.");
}
