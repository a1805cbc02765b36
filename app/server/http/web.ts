import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { networkOf } from "../../limits/network.ts";
import { limits } from "../../protocol/wire.ts";
import type { Config } from "../config.ts";
import type { Logger } from "../log.ts";
import { Connection } from "../sessions/connection.ts";
import type { Store } from "../store/store.ts";
import type { Telephone } from "../telephone.ts";
import { Api } from "./api/api.ts";
import { Metrics } from "./metrics.ts";
import { StaticFiles } from "./static.ts";

/** Sockets at once, and from one address: an office behind one address is many people. */
const mostSockets = 20_000;
const mostSocketsPerAddress = 2_000;

/** What the edge serves to browsers: `/ws`, `/api`, `/healthz` and the softphone; and for the host `/readyz` and `/metrics`. */
export function createWeb(config: Config, telephone: Telephone, store: Store, log: Logger): Server {
  const files = new StaticFiles(config.softphoneDirectory, [...config.servers, ...config.switches.map(({ sipUrl }) => sipUrl)].map((url) => new URL(url).origin), config.origins);
  const api = new Api(config, telephone, log);
  const metrics = new Metrics(telephone);
  const handle = metrics.timed(telephone.handle);
  const sockets = new WebSocketServer({ noServer: true, maxPayload: limits.frameBytes, perMessageDeflate: false, clientTracking: false });
  const byAddress = new Map<string, number>();
  let open = 0;

  const server = createServer({ maxHeaderSize: 16_384, requestTimeout: 10_000, headersTimeout: 10_000, keepAliveTimeout: 60_000 }, (request, response) => {
    answer(request, response).catch((error: Error) => {
      log.error({ path: request.url?.slice(0, 200), reason: error.message }, "request failed");
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  server.on("upgrade", upgrade);
  return server;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = pathOf(request);
    if (path.startsWith("/api/")) return api.answer(request, response, path.slice("/api".length), addressOf(request));
    // Nothing else takes a body.
    request.resume();
    if (request.method !== "GET" && request.method !== "HEAD") return plain(response, 405, "Only GET is answered here.");
    if (path === "/healthz") return plain(response, 200, "alive");
    if (path === "/readyz") return readiness(response);
    if (path === "/metrics") return void response.writeHead(200, { "Content-Type": metrics.registry.contentType }).end(await metrics.registry.metrics());
    if (files.serve(request, response, path)) return;
    if (path === "/" && files.isEmpty) return plain(response, 503, "The softphone page is not in this image.");
    plain(response, 404, "There is nothing here.");
  }

  /** Without a switch this server is still of use; without its database it is not. */
  async function readiness(response: ServerResponse): Promise<void> {
    if (telephone.draining) return plain(response, 503, "draining");
    // Whoever came now would be sent to no switch: the release before knows one.
    if (telephone.switches.undecided) return plain(response, 503, "waiting for the first softswitch");
    try {
      await store.probe();
    } catch {
      return plain(response, 503, "the database can't be written");
    }
    plain(response, 200, "ready");
  }

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => {});
    const address = addressOf(request);
    if (pathOf(request) !== "/ws") return refuse(socket, 404, "Not Found");
    if (!config.origins.has(request.headers.origin ?? "")) return refuse(socket, 403, "Forbidden");
    if (telephone.draining || open >= mostSockets || (byAddress.get(address) ?? 0) >= mostSocketsPerAddress) return refuse(socket, 503, "Service Unavailable");
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      open++;
      byAddress.set(address, (byAddress.get(address) ?? 0) + 1);
      const connection = new Connection(webSocket, socket, address, handle, log);
      connection.onClose((code) => {
        metrics.socketClosed(code);
        open--;
        const left = byAddress.get(address)! - 1;
        if (left > 0) byAddress.set(address, left);
        else byAddress.delete(address);
        telephone.onClosed(connection);
      });
    });
  }
}

function refuse(socket: Duplex, status: number, text: string): void {
  socket.end(`HTTP/1.1 ${status} ${text}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store" }).end(`${text}\n`);
}

/** The path alone: a request's target may be any text. */
const pathOf = (request: IncomingMessage) => (request.url ?? "/").split(/[?#]/)[0]!;

/** Whom limits count a request to. This server listens on loopback alone, so whoever forwards is our edge: its word on the address is the last one. */
function addressOf(request: IncomingMessage): string {
  const forwarded = String(request.headers["x-forwarded-for"] ?? "").split(",").at(-1)?.trim();
  return networkOf(forwarded || (request.socket.remoteAddress ?? ""));
}
