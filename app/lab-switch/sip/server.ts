import { createServer, type IncomingMessage, type Server } from "node:http";
import { WebSocketServer } from "ws";
import { bounds } from "../bounds.ts";
import { SipSocket, type SipSocketEvents } from "./socket.ts";

/** Accepts SIP over WebSocket (RFC 7118): only clients that speak the subprotocol `sip`. */
export class SipServer {
  readonly #http: Server;
  readonly #wss: WebSocketServer;
  readonly #sockets = new Set<SipSocket>();

  constructor(sentBy: string, events: SipSocketEvents) {
    this.#http = createServer({ headersTimeout: 5_000, requestTimeout: 5_000 }, (_request, response) => {
      response.writeHead(426, { "content-type": "text/plain", upgrade: "websocket" }).end("SIP over WebSocket is spoken here: connect with the subprotocol sip.\n");
    });
    this.#wss = new WebSocketServer({
      server: this.#http,
      maxPayload: bounds.sipMessageBytes,
      perMessageDeflate: false,
      handleProtocols: (offered) => (offered.has("sip") ? "sip" : false),
      verifyClient: ({ req }, done) => {
        if (!offersSip(req)) return done(false, 400, "The subprotocol must be sip");
        if (this.#sockets.size >= bounds.sockets) return done(false, 503, "Too many connections");
        done(true);
      },
    });
    this.#wss.on("connection", (ws, request) => {
      const peer = { ip: request.socket.remoteAddress ?? "0.0.0.0", port: request.socket.remotePort ?? 0 };
      const socket: SipSocket = new SipSocket(ws, peer, sentBy, {
        request: events.request,
        close: (gone) => {
          this.#sockets.delete(gone);
          events.close(gone);
        },
      });
      this.#sockets.add(socket);
    });
  }

  /** Resolves to the port, which was asked for as 0 in tests. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#http.once("error", reject);
      this.#http.listen(port, host, () => {
        const address = this.#http.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  }

  get sockets(): ReadonlySet<SipSocket> {
    return this.#sockets;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.close(1001, "the switch is going");
    this.#wss.close();
    await new Promise<void>((resolve) => {
      this.#http.close(() => resolve());
      setTimeout(() => {
        for (const socket of this.#sockets) socket.cut();
        this.#http.closeAllConnections();
      }, 300).unref();
    });
  }
}

function offersSip(request: IncomingMessage): boolean {
  return (request.headers["sec-websocket-protocol"] ?? "").split(",").some((name) => name.trim() === "sip");
}
