import type { WebSocket } from "ws";
import { bounds } from "../bounds.ts";
import { Nonces } from "./digest.ts";
import { parseMessage, SipSyntaxError, type SipRequest } from "./message.ts";
import { Transactions, type ServerTransaction } from "./transactions.ts";

export interface SipSocketEvents {
  request: (socket: SipSocket, request: SipRequest, transaction: ServerTransaction) => void;
  close: (socket: SipSocket) => void;
}

/** One browser's connection: frames in and out within bounds, its transactions, its nonces, who authenticated on it. */
export class SipSocket {
  readonly ip: string;
  readonly port: number;
  readonly nonces = new Nonces();
  readonly transactions: Transactions;
  /** People that this connection proved to be. */
  readonly people = new Set<string>();
  readonly #ws: WebSocket;
  readonly #events: SipSocketEvents;
  #open = true;
  #alive = true;
  #second = 0;
  #messages = 0;
  readonly #ping: NodeJS.Timeout;

  constructor(ws: WebSocket, peer: { ip: string; port: number }, sentBy: string, events: SipSocketEvents) {
    this.#ws = ws;
    this.#events = events;
    this.ip = peer.ip;
    this.port = peer.port;
    this.transactions = new Transactions((frame) => this.#send(frame), sentBy);
    ws.on("message", (data) => this.#receive(String(data)));
    ws.on("pong", () => { this.#alive = true; });
    ws.on("error", () => ws.terminate());
    ws.on("close", () => this.#closed());
    this.#ping = setInterval(() => this.#checkAlive(), bounds.pingSeconds * 1_000).unref();
  }

  get open(): boolean {
    return this.#open;
  }

  close(code: number, reason: string): void {
    this.#ws.close(code, reason);
  }

  /** Cuts the connection without a closing handshake. */
  cut(): void {
    this.#ws.terminate();
  }

  #send(frame: string): void {
    if (!this.#open) return;
    if (this.#ws.bufferedAmount > bounds.socketQueueBytes) {
      this.#ws.terminate();
      return;
    }
    this.#ws.send(frame);
  }

  #receive(frame: string): void {
    this.#alive = true;
    if (!this.#withinRate()) return this.close(1008, "too many messages");
    // RFC 5626 keep-alive: two line ends ask, one answers.
    if (/^(\r\n)*$/.test(frame)) {
      if (frame === "\r\n\r\n") this.#send("\r\n");
      return;
    }
    try {
      const message = parseMessage(frame);
      if (message.kind === "response") return this.transactions.receiveResponse(message);
      if (this.transactions.size >= bounds.transactionsPerSocket) return this.close(1008, "too many transactions");
      const transaction = this.transactions.receive(message);
      if (transaction) this.#events.request(this, message, transaction);
    } catch (error) {
      if (!(error instanceof SipSyntaxError)) throw error;
      this.close(1007, error.message);
    }
  }

  #withinRate(): boolean {
    const second = Math.floor(Date.now() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#messages = 0;
    }
    this.#messages += 1;
    return this.#messages <= bounds.messagesPerSecond;
  }

  #checkAlive(): void {
    if (!this.#alive) return this.#ws.terminate();
    this.#alive = false;
    this.#ws.ping();
  }

  #closed(): void {
    if (!this.#open) return;
    this.#open = false;
    clearInterval(this.#ping);
    this.#events.close(this);
    this.transactions.close();
  }
}
