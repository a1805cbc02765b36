import type { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";
import { clientFrame, closeCodes, hello, limits, protocolVersion, requests, type ErrorCode, type RequestName } from "../../protocol/wire.ts";
import type { Logger } from "../log.ts";
import { StoreUnavailable } from "../store/database.ts";
import { Heartbeats } from "./heartbeats.ts";

/** An error that is answered to a request. */
export class RequestError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The result of a request that is JSON already, in parts: one in UTF-8 is sent to thousands without being copied for each. */
export class Prepared {
  readonly parts: readonly (string | Buffer)[];

  constructor(...parts: readonly (string | Buffer)[]) {
    this.parts = parts;
  }
}

/** Told when a ping goes out and when it was answered. */
export interface Heartbeat { onPing(): void; onPong(): void }

/** The stream under a WebSocket. (Node, "writable.cork()") */
type Transport = Pick<Duplex, "cork" | "uncork">;

/** Answers a request whose parameters have been checked. */
export type Handler = (connection: Connection, name: RequestName, params: never) => Promise<unknown>;

const bounds = {
  /** Bytes that wait for a slow reader. */
  queuedBytes: 1 << 20,
  /** Milliseconds from opening to being signed in. */
  signInMs: 20_000,
  /** Milliseconds between pings; a socket that answered none is cut. */
  heartbeatMs: 15_000,
  /** Frames that one socket may send in a second, over a few seconds. */
  framesPerSecond: 50,
};

const heartbeats = new Heartbeats(bounds.heartbeatMs);

/** Connections whose frames of this turn of the event loop wait to leave as one write each. */
let gathering: Connection[] = [];

function flush(): void {
  const some = gathering;
  gathering = [];
  for (const one of some) one.flush();
}

/** One WebSocket of a browser: reads frames, answers requests, and is cut off by every bound. */
export class Connection {
  readonly address: string;
  readonly #socket: WebSocket;
  readonly #handle: Handler;
  readonly #log: Logger;
  readonly #transport: Transport;
  #signIn: NodeJS.Timeout | undefined;
  heartbeat: Heartbeat | undefined;
  /** What the device is called, by its own word. */
  client = "";
  #greeted = false;
  #answered = true;
  #inFlight = 0;
  #frames = 0;
  #closed = false;
  #gathering = false;
  #closedWith: number | undefined;
  /** Bytes of what it had missed, until they are read: they make no slow reader of somebody who just came back. */
  #missedBytes = 0;

  /** @param transport what the WebSocket writes to */
  constructor(socket: WebSocket, transport: Transport, address: string, handle: Handler, log: Logger) {
    this.#socket = socket;
    this.#transport = transport;
    this.address = address;
    this.#handle = handle;
    this.#log = log;
    socket.on("message", (data, isBinary) => this.#read(data, isBinary));
    socket.on("pong", () => this.#onPong());
    // A frame beyond the bound: ws closes the socket with 1009 itself.
    socket.on("error", (error) => this.#log.debug({ reason: error.message }, "socket error"));
    heartbeats.add(this);
    this.#signIn = setTimeout(() => this.close(closeCodes.unauthorized, "not signed in within the deadline"), bounds.signInMs);
    socket.on("close", () => this.#finish());
    this.#write({ type: "hello", version: protocolVersion, server: "houseline" });
  }

  get isOpen(): boolean {
    return !this.#closed;
  }

  get requestsInFlight(): number {
    return this.#inFlight;
  }

  /** The session lives: the deadline for signing in is over. */
  signedIn(): void {
    clearTimeout(this.#signIn);
    this.#signIn = undefined;
  }

  send(text: string): void {
    if (this.#closed) return;
    const queued = this.#socket.bufferedAmount;
    if (queued <= bounds.queuedBytes) this.#missedBytes = 0;
    if (queued > bounds.queuedBytes + this.#missedBytes) return this.close(closeCodes.slowReader, "the reader was too slow");
    this.#gather();
    this.#socket.send(text);
  }

  /** Sends one message in fragments. (RFC 6455, 5.4) */
  #sendParts(parts: readonly (string | Buffer)[]): void {
    if (this.#closed) return;
    this.#gather();
    for (const [index, part] of parts.entries()) this.#socket.send(part, { binary: false, fin: index === parts.length - 1 });
  }

  /** Sends events again to a session that came back: as many as are kept may be more than a slow reader is granted. */
  sendMissed(events: readonly string[]): void {
    if (!this.#closed) this.#gather();
    for (const text of events) {
      this.#missedBytes += Buffer.byteLength(text);
      if (!this.#closed) this.#socket.send(text);
    }
  }

  close(code: number, reason: string): void {
    if (this.#closed) return;
    this.#closedWith = code;
    this.#socket.close(code, reason);
    // The closing handshake of a dead peer would take minutes.
    setTimeout(() => this.#socket.terminate(), 2_000).unref();
    this.#finish();
  }

  /** @param listener given the code by which this side closed it, or else the other side's */
  onClose(listener: (code: number) => void): void {
    this.#socket.once("close", (code) => listener(this.#closedWith ?? code));
  }

  /** A system call for each frame would be most of what telling somebody costs. */
  #gather(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    this.#transport.cork();
    if (gathering.push(this) === 1) setImmediate(flush);
  }

  /** Of the shared turn: not to be called by others. */
  flush(): void {
    this.#gathering = false;
    this.#transport.uncork();
  }

  #finish(): void {
    this.#closed = true;
    heartbeats.remove(this);
    clearTimeout(this.#signIn);
  }

  /** Of the shared heartbeat: not to be called by others. */
  beat(): void {
    this.#frames = 0;
    if (!this.#answered) return this.#socket.terminate();
    this.#answered = false;
    this.heartbeat?.onPing();
    this.#socket.ping();
  }

  /** Browsers may send one that nobody asked for. (RFC 6455, 5.5.3) */
  #onPong(): void {
    if (this.#answered) return;
    this.#answered = true;
    this.heartbeat?.onPong();
  }

  #read(data: RawData, isBinary: boolean): void {
    if (this.#closed) return;
    if (++this.#frames > bounds.framesPerSecond * bounds.heartbeatMs / 1_000) return this.close(closeCodes.tooMany, "too many frames");
    const frame = isBinary ? undefined : parse(String(data));
    if (frame === undefined) return this.close(closeCodes.badFrame, "a frame was not JSON");
    if (!this.#greeted) return this.#greet(frame);
    const request = clientFrame.safeParse(frame);
    if (!request.success) return this.close(closeCodes.badFrame, "a frame was not a request");
    void this.#answer(request.data.id, request.data.name, request.data.params);
  }

  #greet(frame: unknown): void {
    const greeting = hello.safeParse(frame);
    if (!greeting.success) return this.close(closeCodes.badFrame, "the first frame was not a hello");
    if (greeting.data.version !== protocolVersion) {
      this.#write({ type: "error", id: null, code: "version", message: `This server speaks version ${protocolVersion} of the protocol, the page version ${greeting.data.version}: reload the page.` });
      return this.close(closeCodes.badFrame, "another version of the protocol");
    }
    this.client = greeting.data.client;
    this.#greeted = true;
  }

  async #answer(id: number, name: string, params: unknown): Promise<void> {
    if (this.#inFlight >= limits.requestsInFlight) return this.close(closeCodes.tooMany, "too many requests at once");
    this.#inFlight++;
    try {
      if (!Object.hasOwn(requests, name)) throw new RequestError("bad-request", `There is no request '${name.slice(0, 40)}'.`);
      const known = name as RequestName;
      const checked = requests[known].params.safeParse(params);
      if (!checked.success) throw new RequestError("bad-request", `'${known}': ${checked.error.issues[0]?.path.join(".") || "params"} is not as it must be.`);
      const result = await this.#handle(this, known, checked.data as never);
      if (result instanceof Prepared) this.#sendParts([`{"type":"response","id":${id},"result":`, ...result.parts, "}"]);
      else this.#write({ type: "response", id, result });
    } catch (error) {
      this.#write({ type: "error", id, ...answerTo(error, name, this.#log) });
    } finally {
      this.#inFlight--;
    }
  }

  #write(frame: object): void {
    this.send(JSON.stringify(frame));
  }
}

/** What a client is told of an error; the rest is for the log. */
export function answerTo(error: unknown, request: string, log: Logger): { code: ErrorCode; message: string } {
  if (error instanceof RequestError) return { code: error.code, message: error.message };
  if (error instanceof StoreUnavailable) {
    log.error({ request, reason: error.message }, "the database did not answer");
    return { code: "unavailable", message: "The telephone server can't reach its database at the moment. Try again." };
  }
  log.error({ request, reason: (error as Error).stack }, "request failed");
  return { code: "internal", message: "The telephone server could not do that. Try again." };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
