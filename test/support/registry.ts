import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findRegistry } from "../../cli/setup/container-registry.ts";
import { freePorts } from "./ports.ts";
import { until } from "./until.ts";

/** Who may use a registry that asks for it; the password as Debian's registry wants it kept (bcrypt). */
export const account = { user: "ci", password: "a-password-of-the-tests" };
const htpasswd = "$2b$05$abcdefghijklmnopqrstuu6O/jaYCx8zhCexxqCBsInzagwRDBqGq";

/** Debian's docker-registry on loopback, and before it a proxy that counts what is fetched and can break the line. */
export class TestRegistry {
  /** Bytes of blobs that were sent to whoever pulled, by digest. */
  readonly pulled = new Map<string, number>();
  /** Requests, as `PUT /v2/…`. */
  readonly requests: string[] = [];
  /** Asked before each request: `fail` answers 503, `cut` closes the connection in the middle of it. */
  disturb: (line: string) => "fail" | "cut" | undefined = () => undefined;
  readonly #child: ChildProcess;
  readonly #proxy: Server;
  readonly #folder: string;

  private constructor(child: ChildProcess, proxy: Server, folder: string) {
    this.#child = child;
    this.#proxy = proxy;
    this.#folder = folder;
  }

  static async start({ withAccount = false } = {}): Promise<TestRegistry> {
    const program = findRegistry();
    if (program === undefined) throw new Error("Debian's docker-registry is missing: './houseline test' gets it.");
    const folder = await mkdtemp(join(tmpdir(), "houseline-registry-"));
    const port = await freePorts(1);
    const auth = withAccount ? `auth: { htpasswd: { realm: tests, path: ${folder}/htpasswd } }\n` : "";
    await writeFile(join(folder, "htpasswd"), `${account.user}:${htpasswd}\n`);
    await writeFile(join(folder, "config.yml"), `version: 0.1\nlog: { level: error }\nstorage: { filesystem: { rootdirectory: ${folder}/data }, delete: { enabled: true } }\nhttp: { addr: 127.0.0.1:${port}, secret: of-the-tests }\n${auth}`);
    const child = spawn(program, ["serve", join(folder, "config.yml")], { stdio: "ignore" });
    await until("the registry", async () => (await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined)) !== undefined);
    const registry: TestRegistry = new TestRegistry(child, createServer((incoming, response) => registry.#pass(incoming, response, port)), folder);
    await new Promise<void>((resolve, reject) => registry.#proxy.once("error", reject).listen(0, "127.0.0.1", resolve));
    return registry;
  }

  get host(): string {
    return `127.0.0.1:${(this.#proxy.address() as AddressInfo).port}`;
  }

  /** All bytes of blobs that were pulled since the count was begun. */
  get pulledBytes(): number {
    return [...this.pulled.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  #pass(incoming: IncomingMessage, response: ServerResponse, port: number): void {
    const line = `${incoming.method} ${incoming.url}`;
    this.requests.push(line);
    const disturbance = this.disturb(line);
    if (disturbance === "fail") return void incoming.resume().on("end", () => response.writeHead(503).end());
    const outgoing = request({ host: "127.0.0.1", port, method: incoming.method, path: incoming.url, headers: incoming.headers }, (answer) => {
      const digest = incoming.method === "GET" && answer.statusCode === 200 ? /\/blobs\/(sha256:\w+)$/.exec(incoming.url ?? "")?.[1] : undefined;
      if (digest) answer.on("data", (part: Buffer) => this.pulled.set(digest, (this.pulled.get(digest) ?? 0) + part.length));
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.on("error", () => response.destroy());
    if (disturbance === "cut") incoming.once("data", () => { incoming.destroy(); outgoing.destroy(); });
    incoming.on("error", () => outgoing.destroy()).pipe(outgoing);
  }

  async stop(): Promise<void> {
    this.#proxy.closeAllConnections();
    await new Promise((resolve) => this.#proxy.close(resolve));
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGTERM");
    await ended;
    await rm(this.#folder, { recursive: true, force: true });
  }
}
