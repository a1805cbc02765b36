import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { WebSocket } from "ws";
import { credentialsFor, parseSip, type Account, type SipMessage } from "./sip-client.ts";

const token = () => randomBytes(6).toString("hex");

export interface Request {
  readonly method: string;
  readonly to: string;
  readonly from?: string;
  readonly headers?: readonly string[];
  readonly body?: string;
}

/** A bare SIP transport, over WebSocket or UDP, on which anything can be sent. */
export class Wire {
  readonly #send: (text: string | Buffer) => void;
  readonly #close: () => void;
  readonly #kind: "WS" | "UDP";
  readonly #domain: string;
  readonly #waiting = new Map<string, { answered: (message: SipMessage) => void; failed: () => void }>();
  /** The other side has closed it. */
  closed = false;
  /** Answers and requests that came. */
  received = 0;

  private constructor(kind: "WS" | "UDP", domain: string, send: (text: string | Buffer) => void, close: () => void) {
    this.#kind = kind;
    this.#domain = domain;
    this.#send = send;
    this.#close = close;
  }

  /** @param from the loopback address to come from */
  static async webSocket(url: string, domain: string, from = "127.0.0.1"): Promise<Wire> {
    const socket = new WebSocket(url, "sip", { localAddress: from, perMessageDeflate: false });
    await new Promise<void>((resolve, reject) => socket.once("open", resolve).once("error", ({ message }) => reject(new Error(`No SIP WebSocket at ${url}: ${message}`))));
    socket.on("error", () => undefined);
    const wire = new Wire("WS", domain, (text) => { if (socket.readyState === WebSocket.OPEN) socket.send(text); }, () => socket.close());
    socket.on("message", (data) => wire.#take(String(data)));
    socket.on("close", () => wire.#end());
    return wire;
  }

  /** @param from the loopback address to send from */
  static async udp(port: number, domain: string, from = "127.0.0.1"): Promise<Wire> {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, from, resolve));
    const wire = new Wire("UDP", domain, (text) => socket.send(text, port, "127.0.0.1"), () => socket.close());
    socket.on("message", (data) => wire.#take(data.toString("latin1")));
    socket.on("error", () => undefined);
    return wire;
  }

  close(): void {
    this.#close();
  }

  raw(text: string | Buffer): void {
    this.#send(text);
  }

  /** A request as it should be. */
  request({ method, to, from = "mallory", headers = [], body = "" }: Request, callId = token(), sequence = 1): string {
    return [`${method} sip:${to}@${this.#domain} SIP/2.0`, `Via: SIP/2.0/${this.#kind} 127.0.0.1;rport;branch=z9hG4bK${token()}`, "Max-Forwards: 70",
      `From: <sip:${from}@${this.#domain}>;tag=${token()}`, `To: <sip:${to}@${this.#domain}>`, `Call-ID: ${callId}`, `CSeq: ${sequence} ${method}`,
      `Contact: <sip:${from}@127.0.0.1:4;transport=${this.#kind.toLowerCase()}>`, ...(body ? ["Content-Type: application/sdp"] : []), ...headers,
      `Content-Length: ${Buffer.byteLength(body)}`, "", body].join("\r\n");
  }

  /** Sends a request, with credentials once it is challenged and there are some; resolves with its final answer. */
  async ask(request: Request, account?: Pick<Account, "authName" | "password">, milliseconds = 8_000): Promise<SipMessage> {
    const callId = token();
    const answer = await this.#answer(callId, this.request(request, callId), milliseconds);
    const challenge = answer.headers.get(answer.status === 401 ? "www-authenticate" : "proxy-authenticate")?.[0];
    if (!account || !challenge) return answer;
    const credentials = credentialsFor(account, answer.status, request.method, `sip:${request.to}@${this.#domain}`, challenge);
    return this.#answer(callId, this.request({ ...request, headers: [...request.headers ?? [], credentials] }, callId, 2), milliseconds);
  }

  #answer(callId: string, text: string, milliseconds: number): Promise<SipMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<SipMessage>();
    const failed = (why: string) => reject(new Error(`${why}: ${text.split("\r\n")[0]}`));
    if (this.closed) failed("Closed before");
    const timer = setTimeout(() => failed("No answer to"), milliseconds);
    this.#waiting.set(callId, { answered: resolve, failed: () => failed("Closed after") });
    this.#send(text);
    return promise.finally(() => { clearTimeout(timer); this.#waiting.delete(callId); });
  }

  #take(text: string): void {
    this.received++;
    const message = parseSip(text);
    if (message.status >= 200) this.#waiting.get(message.headers.get("call-id")?.[0] ?? "")?.answered(message);
  }

  #end(): void {
    this.closed = true;
    for (const { failed } of this.#waiting.values()) failed();
  }
}
