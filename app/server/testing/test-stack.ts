import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestClient } from "./test-client.ts";
import { until } from "./until.ts";

export { until } from "./until.ts";

export const origin = "http://localhost:1";
export const demoPassword = "a-demo-password";
export const adminToken = `hl_${"a".repeat(43)}`;

/** As its image starts it. */
const nodeOptions = readFileSync(join(import.meta.dirname, "../node-options"), "utf8").split("\n").filter(Boolean);

export interface TestServer { process: ChildProcess; slot: number; exited: Promise<number | null>; output: () => string }

interface Options {
  /** PostgreSQL; without it, one SQLite file for all slots. */
  databaseUrl?: string;
  /** Files beside the usual ones under `/run/secrets`. */
  secrets?: Record<string, string>;
  environment?: Record<string, string>;
}

/** Real server processes, one a slot, on one database. No switch answers. */
export class TestStack {
  readonly folder: string;
  readonly ports: { app: number; directory: number; esl: number };
  readonly servers: TestServer[] = [];
  readonly #environment: Record<string, string>;
  readonly #clients: TestClient[] = [];

  private constructor(folder: string, base: number, environment: Record<string, string>) {
    this.folder = folder;
    this.ports = { app: base, directory: base + 3, esl: base + 6 };
    this.#environment = environment;
  }

  static async create({ databaseUrl = "", secrets = {}, environment = {} }: Options = {}): Promise<TestStack> {
    const folder = mkdtempSync(join(tmpdir(), "houseline-server-"));
    for (const name of ["secrets", "page", "data"]) mkdirSync(join(folder, name));
    const files = { "esl-password": "esl-secret", "directory-password": "directory-secret", "demo-password": demoPassword, "admin-token": adminToken, "database-url": databaseUrl, ...secrets };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, "secrets", name), text);
    writeFileSync(join(folder, "page", "index.html"), "<!doctype html><title>page</title>");
    return new TestStack(folder, await freePorts(9), environment);
  }

  async start(slot: number, environment: Record<string, string> = {}): Promise<TestServer> {
    const child = spawn(process.execPath, [...nodeOptions, join(import.meta.dirname, "..", "main.ts")], {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: process.env.PATH, MALLOC_ARENA_MAX: "1", HOUSELINE_SLOT: String(slot), HOUSELINE_APP_PORT: String(this.ports.app), HOUSELINE_DIRECTORY_PORT: String(this.ports.directory), HOUSELINE_DOMAIN: "test.internal",
        HOUSELINE_SWITCHES: JSON.stringify([{ name: "none", eslHost: "127.0.0.1", eslPort: this.ports.esl, sipUrl: "ws://localhost:1/sip" }]),
        HOUSELINE_ORIGINS: origin, HOUSELINE_SECRETS: join(this.folder, "secrets"), HOUSELINE_DATA: join(this.folder, "data"), HOUSELINE_SOFTPHONE: join(this.folder, "page"),
        ...this.#environment, ...environment,
      },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => { output += text; });
    const server: TestServer = { process: child, slot, exited: new Promise((resolve) => child.on("exit", resolve)), output: () => output };
    this.servers.push(server);
    await until(() => {
      if (child.exitCode !== null) throw new Error(`the server has ended: ${output}`);
      return fetch(`${this.url(slot)}/readyz`).then(({ status }) => status === 200, () => false);
    }, () => output);
    return server;
  }

  url(slot = 0): string {
    return `http://127.0.0.1:${this.ports.app + slot}`;
  }

  async open(slot = 0, greeting?: unknown, address?: string): Promise<TestClient> {
    const client = await TestClient.open(`ws://127.0.0.1:${this.ports.app + slot}/ws`, origin, greeting, address);
    this.#clients.push(client);
    return client;
  }

  async signIn(user: string, slot = 0): Promise<{ client: TestClient; session: Record<string, unknown> }> {
    const client = await this.open(slot);
    return { client, session: await client.ask("login", { user, password: demoPassword }) };
  }

  /** A request of the REST API, as the stack's administrator unless another token is given. */
  async api(method: string, path: string, body?: unknown, { slot = 0, token = adminToken, headers = {} }: { slot?: number; token?: string; headers?: Record<string, string> } = {}): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }> {
    const response = await fetch(`${this.url(slot)}/api${path}`, {
      method, headers: { ...(token === "" ? {} : { authorization: `Bearer ${token}` }), ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>, headers: response.headers };
  }

  async remove(): Promise<void> {
    for (const { socket } of this.#clients) socket.terminate();
    for (const { process: child } of this.servers) child.kill("SIGKILL");
    await Promise.all(this.servers.map(({ exited }) => exited));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The first of so many free ports in a row. */
async function freePorts(count: number): Promise<number> {
  for (;;) {
    const base = 20_000 + Math.floor(Math.random() * 10_000);
    const free = await Promise.all(Array.from({ length: count }, (_, index) => new Promise<boolean>((resolve) => {
      const server = createServer().once("error", () => resolve(false)).listen(base + index, "127.0.0.1", () => server.close(() => resolve(true)));
    })));
    if (free.every(Boolean)) return base;
  }
}
