import type { RawData, WebSocket } from "ws";
import { clientFrame, closeCodes, hello, limits, protocolVersion, requests, type ErrorCode, type RequestName } from "../../protocol/wire.ts";
import type { Logger } from "../log.ts";
import { StoreUnavailable } from "../store/database.ts";

/** An error that is answered to a request. */
export class RequestError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

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

/** One WebSocket of a browser: reads frames, answers requests, and is cut off by every bound. */
export class Connection {
  readonly address: string;
  readonly #socket: WebSocket;
  readonly #handle: Handler;
  readonly #log: Logger;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #signIn: NodeJS.Timeout;
  /** What the device is called, by its own word. */
  client = "";
  #greeted = false;
  #answered = true;
  #inFlight = 0;
  #frames = 0;
  #closed = false;
  #closedWith: number | undefined;
  /** Bytes of what it had missed, until they are read: they make no slow reader of somebody who just came back. */
  #missedBytes = 0;

  constructor(socket: WebSocket, address: string, handle: Handler, log: Logger) {
    this.#socket = socket;
    this.address = address;
    this.#handle = handle;
    this.#log = log;
    socket.on("message", (data, isBinary) => this.#read(data, isBinary));
    socket.on("pong", () => { this.#answered = true; });
    // A frame beyond the bound: ws closes the socket with 1009 itself.
    socket.on("error", (error) => this.#log.debug({ reason: error.message }, "socket error"));
    this.#heartbeat = setInterval(() => this.#beat(), bounds.heartbeatMs);
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
  }

  send(text: string): void {
    if (this.#closed) return;
    const queued = this.#socket.bufferedAmount;
    if (queued <= bounds.queuedBytes) this.#missedBytes = 0;
    if (queued > bounds.queuedBytes + this.#missedBytes) return this.close(closeCodes.slowReader, "the reader was too slow");
    this.#socket.send(text);
  }

  /** Sends events again to a session that came back: as many as are kept may be more than a slow reader is granted. */
  sendMissed(events: readonly { text: string }[]): void {
    for (const { text } of events) {
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

  #finish(): void {
    this.#closed = true;
    clearInterval(this.#heartbeat);
    clearTimeout(this.#signIn);
  }

  #beat(): void {
    this.#frames = 0;
    if (!this.#answered) return this.#socket.terminate();
    this.#answered = false;
    this.#socket.ping();
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
      this.#write({ type: "response", id, result: await this.#handle(this, known, checked.data as never) });
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
