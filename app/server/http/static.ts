import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join } from "node:path";

const types: Record<string, string> = {
  ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml", ".json": "application/json", ".map": "application/json", ".png": "image/png", ".wav": "audio/wav", ".ts": "text/plain; charset=utf-8",
};

/** What an application of another origin may import: the browser library and its types. */
const forOthers = new Set(["/houseline.js", "/houseline.d.ts"]);

interface Page { body: Buffer; etag: string; type: string }

/** Files of the softphone, read once: a release's never change, and no path of a request ever reaches the file system. */
export class StaticFiles {
  readonly #pages = new Map<string, Page>();
  readonly #headers: Record<string, string>;
  readonly #origins: ReadonlySet<string>;

  /**
   * @param connectTo origins that the page opens WebSockets to
   * @param origins those that may sign in, and so may load the library
   */
  constructor(directory: string, connectTo: readonly string[], origins: ReadonlySet<string> = new Set()) {
    this.#origins = origins;
    if (existsSync(directory)) this.#load(directory, "");
    this.#headers = {
      "Content-Security-Policy": `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; connect-src 'self' ${connectTo.join(" ")}; form-action 'none'; base-uri 'none'; frame-ancestors 'self'`,
      "X-Content-Type-Options": "nosniff",
      "Referrer-Policy": "no-referrer",
      "Permissions-Policy": "microphone=(self), camera=()",
      "Cache-Control": "no-cache",
    };
  }

  get isEmpty(): boolean {
    return this.#pages.size === 0;
  }

  /** Answers a request for a file; false when there is none of that name. */
  serve(request: IncomingMessage, response: ServerResponse, path: string): boolean {
    const page = this.#pages.get(path === "/" ? "/index.html" : path);
    if (!page) return false;
    const headers = { ...this.#headers, ...this.#sharing(request, path), "Content-Type": page.type, "ETag": page.etag };
    if (request.headers["if-none-match"] === page.etag) response.writeHead(304, headers).end();
    else response.writeHead(200, { ...headers, "Content-Length": page.body.length }).end(request.method === "HEAD" ? undefined : page.body);
    return true;
  }

  /** A module of another origin is loaded only with its server's leave. (Fetch Standard, "CORS protocol") */
  #sharing(request: IncomingMessage, path: string): Record<string, string> {
    if (!forOthers.has(path)) return {};
    const origin = request.headers.origin ?? "";
    return { "Vary": "Origin", "Cross-Origin-Resource-Policy": "cross-origin", ...(this.#origins.has(origin) ? { "Access-Control-Allow-Origin": origin } : {}) };
  }

  #load(directory: string, prefix: string): void {
    for (const name of readdirSync(directory)) {
      const path = join(directory, name);
      if (statSync(path).isDirectory()) {
        this.#load(path, `${prefix}/${name}`);
        continue;
      }
      const body = readFileSync(path);
      const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
      this.#pages.set(`${prefix}/${name}`, { body, etag, type: types[extname(name)] ?? "application/octet-stream" });
    }
  }
}
