import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** An apt source behind Basic authentication, which passes on what another one has. (RFC 7617) */
export class AptProxy {
  /** Requests that were let in, and those that were not. */
  readonly count = { served: 0, refused: 0 };
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /**
   * @param source the line of an apt source, whose address is asked
   * @param rewrite changes the index of packages on its way; what is signed or compressed is then left out
   */
  static async start(source: string, { user, password }: { user: string; password: string }, rewrite?: (index: string) => string): Promise<AptProxy> {
    const upstream = addressOf(source);
    const expected = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
    const proxy: AptProxy = new AptProxy(createServer((request, response) => {
      if (request.headers.authorization !== expected) {
        proxy.count.refused++;
        return void response.writeHead(401, { "www-authenticate": 'Basic realm="packages"' }).end();
      }
      proxy.count.served++;
      const path = request.url ?? "/";
      if (rewrite && /\/(InRelease|Release(\.gpg)?|Packages\.\w+)$/.test(path)) return void response.writeHead(404).end();
      fetch(upstream + path.slice(1)).then(async (answer) => {
        const body = Buffer.from(await answer.arrayBuffer());
        response.writeHead(answer.status).end(rewrite && path.endsWith("/Packages") ? rewrite(body.toString()) : body);
      }, () => response.writeHead(502).end());
    }));
    await new Promise<void>((resolve, reject) => proxy.#server.once("error", reject).listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** The same source, asked through this. */
  line(source: string): string {
    return source.replace(/https?:\/\/\S+/, this.address);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function addressOf(source: string): string {
  const address = /https?:\/\/\S+/.exec(source)?.[0];
  if (address === undefined) throw new Error(`The apt source '${source}' has no http address.`);
  return address.endsWith("/") ? address : `${address}/`;
}
