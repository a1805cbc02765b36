import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Message } from "../protocol/wire.ts";
import { PostgresCluster } from "./testing/postgres-cluster.ts";
import type { TestClient } from "./testing/test-client.ts";
import { TestStack, until } from "./testing/test-stack.ts";

/** Kills of each test; `HOUSELINE_KILLS` for a long night. */
const kills = Number(process.env.HOUSELINE_KILLS ?? 4);
let cluster: PostgresCluster;

beforeAll(async () => {
  cluster = await PostgresCluster.start();
});
afterAll(() => cluster?.remove());

/** Sends until its server dies; `acknowledged` is what was answered. */
async function send(client: TestClient, from: number, acknowledged: number[]): Promise<void> {
  for (let n = from; client.closed === undefined; n += 4) {
    await client.ask("sendMessage", { to: "boris", body: String(n), clientId: `m${n}` }).then(() => acknowledged.push(n), () => undefined);
  }
}

async function everything(client: TestClient): Promise<string[]> {
  const bodies: string[] = [];
  for (let before: number | undefined; ;) {
    const { messages } = await client.ask("listMessages", { with: "boris", limit: 100, ...(before === undefined ? {} : { before }) }) as { messages: Message[] };
    if (messages.length === 0) return bodies;
    bodies.push(...messages.map(({ body }) => body));
    before = messages.at(-1)!.id;
  }
}

it.each(["SQLite", "PostgreSQL"])("a server killed under load on %s loses nothing that it acknowledged, and keeps nothing twice", async (kind) => {
  const stack = await TestStack.create(kind === "SQLite" ? {} : { databaseUrl: cluster.createDatabase() });
  try {
    let next = 0;
    const acknowledged: number[] = [];
    for (let kill = 0; kill < kills; kill++) {
      const server = await stack.start(0);
      const { client } = await stack.signIn("anna");
      const before = acknowledged.length;
      // Four at once, so that several wait for one commit when it dies.
      const sending = [0, 1, 2, 3].map((lane) => send(client, next + lane, acknowledged));
      // Each time after some more; a socket may send 50 frames a second over a heartbeat, and no more.
      await until(() => acknowledged.length > before + 20 + (kill * 7) % 210);
      server.process.kill("SIGKILL");
      await Promise.all(sending);
      await server.exited;
      next = Math.max(...acknowledged) + 100;
    }
    await stack.start(0);
    const { client } = await stack.signIn("anna");
    const kept = await everything(client);
    expect(new Set(kept).size).toBe(kept.length);
    expect(acknowledged.filter((n) => !kept.includes(String(n)))).toEqual([]);
  } finally {
    await stack.remove();
  }
}, 120_000 + kills * 10_000);

it("a PostgreSQL that crashes under load loses nothing that was acknowledged, and the server goes on by itself", async () => {
  const own = await PostgresCluster.start();
  const stack = await TestStack.create({ databaseUrl: own.createDatabase() });
  try {
    await stack.start(0);
    const { client } = await stack.signIn("anna");
    const acknowledged: number[] = [];
    let isOver = false;
    const sending = (async () => {
      for (let n = 0; !isOver; n++) await client.ask("sendMessage", { to: "boris", body: String(n), clientId: `m${n}` }).then(() => acknowledged.push(n), (error: { code: string }) => expect(error.code).toMatch(/unavailable|too-many/));
    })();
    for (let crash = 0; crash < 2; crash++) {
      const before = acknowledged.length;
      await until(() => acknowledged.length > before + 20);
      await own.kill();
      expect((await fetch(`${stack.url()}/readyz`)).status).toBe(503);
      await own.run();
    }
    const before = acknowledged.length;
    await until(() => acknowledged.length > before + 20);
    isOver = true;
    await sending;
    const kept = await everything(client);
    expect(acknowledged.filter((n) => !kept.includes(String(n)))).toEqual([]);
    expect(client.closed).toBeUndefined();
  } finally {
    await stack.remove();
    await own.remove();
  }
}, 120_000);

it("a machine that loses its power right after an answer has the answer's row: SQLite's commits are synchronous", async () => {
  const folder = mkdtempSync(join(tmpdir(), "houseline-sync-"));
  try {
    const { SqliteDatabase } = await import("./store/sqlite.ts");
    const database = await SqliteDatabase.open({ directory: folder, tenant: "a", origin: "one" });
    // 2: FULL. (SQLite, "PRAGMA synchronous")
    expect(await database.read("PRAGMA synchronous")).toEqual([{ synchronous: 2 }]);
    await database.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
