import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocket, WebSocketServer } from "ws";
import { networkOf } from "../limits/network.ts";
import { RateLimit } from "../limits/rate-limit.ts";
import { bounds } from "./bounds.ts";
import { Guesses } from "./guesses.ts";
import { Relay } from "./relay.ts";

/** What an endpoint that goes says. (RFC 6455, section 7.4.1) */
const goingAway = [1_001, "going away"] as const;

interface Counts { all: number; strangers: number }

/** Between the edge and the switch's slots: SIP over WebSocket (RFC 7118), by whole messages and within bounds. */
export class Gate {
  readonly #slots: readonly string[];
  readonly #slots6: readonly string[];
  readonly #log: (what: string, about: Record<string, unknown>) => void;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: bounds.messageBytes, perMessageDeflate: false, clientTracking: false, handleProtocols: () => "sip" });
  readonly #relays = new Set<Relay>();
  readonly #addresses = new Map<string, Counts>();
  readonly #guesses = new Guesses();
  /** One line a minute of each address. */
  readonly #told = new RateLimit(1, 60_000);
  #opened = 0;
  #drains = false;

  /**
   * @param slots `host:port` of each slot's WebSocket
   * @param slots6 the same for browsers that come by IPv6, with whom the switch's media goes by that; the others' unless given
   */
  constructor(slots: readonly string[], log: (what: string, about: Record<string, unknown>) => void, slots6: readonly string[] = slots) {
    this.#slots = slots;
    this.#slots6 = slots6;
    this.#log = log;
    this.#server = createServer({ headersTimeout: bounds.openMs, requestTimeout: bounds.openMs }, (request, response) => {
      response.statusCode = request.url === "/healthz" ? 200 : 404;
      response.end();
    });
    this.#server.on("upgrade", (request, socket, head) => this.#take(request, socket, head));
  }

  /**
   * @param address the path of a Unix socket, or a port on loopback; 0 is any
   * @returns the port
   */
  async listen(address: string): Promise<number> {
    const where = /^\d+$/.test(address) ? { host: "127.0.0.1", port: Number(address) } : { path: address };
    await new Promise<void>((resolve, reject) => this.#server.once("error", reject).listen(where, () => resolve()));
    const bound = this.#server.address();
    return typeof bound === "object" && bound ? bound.port : 0;
  }

  /**
   * Says goodbye to everybody, who come back by the edge that took over: to each as soon as no call of theirs is being set up. Calls in progress
   * don't need their connection meanwhile.
   */
  async drain(): Promise<void> {
    this.#drains = true;
    const { quietMs, settleMs, leaveMs, drainMs } = bounds;
    const everyMs = quietMs / 3;
    for (const end = performance.now() + settleMs; this.#relays.size > 0 && performance.now() < end;) await delay(everyMs);
    const atOnce = Math.ceil(this.#relays.size * everyMs / leaveMs);
    for (const end = performance.now() + drainMs; this.#relays.size > 0 && performance.now() < end; await delay(everyMs)) {
      for (const relay of [...this.#relays].filter(({ isQuiet }) => isQuiet).slice(0, atOnce)) relay.close(...goingAway);
    }
    this.close();
  }

  close(): void {
    this.#server.close();
    for (const relay of this.#relays) relay.close(...goingAway);
  }

  #take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    // The last one is the edge's word; what a client sends under this name comes before it.
    const address = networkOf(String(request.headers["x-forwarded-for"] ?? "").split(",").at(-1)!.trim() || "unknown");
    const slots = address.includes(":") ? this.#slots6 : this.#slots;
    const slot = slots[Number(/^\/sip\/(\d)$/.exec(request.url ?? "")?.[1] ?? NaN)];
    if (slot === undefined) return refuse(socket, "404 Not Found");
    if (this.#drains) return refuse(socket, "503 Service Unavailable");
    const counts = this.#addresses.get(address) ?? { all: 0, strangers: 0 };
    if (this.#opened >= bounds.connections) return this.#refuse(socket, address, "503 Service Unavailable", "as many connections as the gate takes");
    // Everybody of an office comes a second time at once when its switch is upgraded: whoever is known there has room for that.
    const crowded = counts.strangers >= bounds.strangersOfAddress + (counts.all - counts.strangers);
    if (counts.all >= bounds.connectionsOfAddress || crowded) {
      return this.#refuse(socket, address, "429 Too Many Requests", crowded ? "too many who have not signed in" : "too many connections");
    }
    this.#addresses.set(address, counts);
    counts.all++;
    counts.strangers++;
    this.#opened++;
    let isStranger = true;
    const known = () => {
      if (isStranger) counts.strangers--;
      isStranger = false;
    };
    socket.once("close", () => {
      known();
      this.#opened--;
      if (--counts.all === 0) this.#addresses.delete(address);
    });
    this.#open(request, socket, head, { slot, address, onProven: known });
  }

  /** The switch first: whoever can't be taken there is told so by HTTP, and tries another slot. */
  #open(request: IncomingMessage, socket: Duplex, head: Buffer, { slot, address, onProven }: { slot: string; address: string; onProven: () => void }): void {
    const half = new WebSocket(`ws://${slot}/`, "sip", { handshakeTimeout: bounds.openMs, perMessageDeflate: false, maxPayload: bounds.queuedBytes });
    const gone = () => half.terminate();
    socket.once("close", gone);
    const failed = () => refuse(socket, "502 Bad Gateway");
    half.once("error", failed);
    half.once("open", () => {
      half.off("error", failed);
      half.on("error", () => {});
      if (socket.destroyed) return half.terminate();
      this.#sockets.handleUpgrade(request, socket, head, (browser) => {
        const relay = new Relay({ browser, switch: half, address, guesses: this.#guesses, onProven });
        this.#relays.add(relay);
        socket.once("close", () => this.#relays.delete(relay));
      });
    });
  }

  #refuse(socket: Duplex, address: string, status: string, why: string): void {
    if (this.#told.take(address) === 0) this.#log("refused", { address, why });
    refuse(socket, status);
  }
}

function refuse(socket: Duplex, status: string): void {
  if (socket.destroyed) return;
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  setTimeout(() => socket.destroy(), 1_000).unref();
}
