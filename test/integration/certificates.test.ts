import { createHmac, randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { WebSocket, WebSocketServer } from "ws";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { uid, type ContainerPlan } from "../../pulumi/containers.ts";
import { certificatesPath, edgeContainer } from "../../pulumi/edge.ts";
import { readSettings } from "../../pulumi/settings.ts";
import { turnContainer } from "../../pulumi/turn.ts";
import { runMark } from "../../cli/leftovers.ts";
import { AcmeServer } from "../support/acme.ts";
import { docker } from "../support/docker.ts";
import { plannedOfLabStack } from "../support/engine.ts";
import { freePorts } from "../support/ports.ts";
import { relayImage } from "../support/relay-image.ts";
import { TurnClient } from "../support/turn-client.ts";
import { until } from "../support/until.ts";

const site = "phone.example.test";
const relaySecret = "what-the-relay-and-the-server-share";
const stack = `test-${process.env[runMark] ?? process.pid}-${randomBytes(3).toString("hex")}`;

describe("an edge with certificates by ACME (Pebble in the place of a public authority)", () => {
  let acme: AcmeServer;
  let upstream: Server;
  let port: number;
  let upstreamPort: number;
  let image: string;
  let root: string;
  let socket: WebSocket | undefined;

  beforeAll(async () => {
    port = await freePorts(9);
    upstreamPort = port + 1;
    acme = await AcmeServer.start({ tlsPort: port, address: "127.0.0.1", validitySeconds: 30 });
    root = await acme.root();
    upstream = await server(upstreamPort);
    image = (await plannedOfLabStack()).find(({ name }) => name === "edge")!.reference;
    await docker("volume", "create", "--label", `houseline.stack=${stack}`, `${stack}-certificates`);
  });
  afterAll(async () => {
    socket?.terminate();
    const ids = (await docker("ps", "--all", "--quiet", "--filter", `label=houseline.stack=${stack}`)).split("\n").filter(Boolean);
    if (ids.length > 0) await docker("rm", "--force", "--volumes", ...ids);
    await docker("volume", "rm", "--force", `${stack}-certificates`);
    upstream?.closeAllConnections();
    upstream?.close();
    await acme?.remove();
  });

  it("gets one by itself, which a browser that trusts the authority takes", async () => {
    await startEdge("one");
    const got = await until("a certificate", () => presented().catch(() => undefined), 30_000).catch(async (error: Error) => { throw new Error(`${error.message} The edge said:\n${await docker("logs", "--tail", "12", `${stack}-one`)}`); });
    expect(got).toMatchObject({ authorized: true });
  });

  it("has another before the first ends, and the connections through it stay", async () => {
    const before = await presented();
    const options = { ca: root, servername: site, headers: { host: `${site}:${port}` } };
    socket = new WebSocket(`wss://127.0.0.1:${port}/ws`, options);
    await echo(socket, "before");
    const after = await until("another certificate", async () => { const now = await presented(); return now.serial === before.serial ? undefined : now; }, 60_000);
    expect(after.authorized).toBe(true);
    expect(after.from).toBeLessThan(before.to);
    await echo(socket, "after");
  });

  it("is the relay's too, which follows it while the connections through it stay", async () => {
    const at = await startRelay();
    const before = await until("the edge's certificate", async () => { const [relay, edge] = [await presented(at).catch(() => undefined), await presented()]; return relay?.serial === edge.serial ? relay : undefined; }, 30_000);
    const username = `${Math.floor(Date.now() / 1_000) + 600}:anna~k3f9`;
    const client = TurnClient.over(await secureSocket(at), { username, credential: createHmac("sha1", relaySecret).update(username).digest("base64") });
    expect(await client.allocate()).toEqual({ port: expect.any(Number) });
    const after = await until("another certificate", async () => { const now = await presented(at); return now.serial === before.serial ? undefined : now; }, 60_000);
    expect(after.authorized).toBe(true);
    expect(await client.refresh(600)).toBeUndefined();
    client.close();
  });

  it("that takes over from another has its certificate, also while nobody gives any", async () => {
    acme.stop();
    const before = await presented();
    await startEdge("two");
    await docker("stop", `${stack}-one`);
    expect(await presented()).toEqual(before);
  });

  /** As a deployment starts it. */
  async function startEdge(name: string): Promise<void> {
    const secrets = await docker("create", "--label", `houseline.stack=${stack}`, "--volume", "/run/secrets", image);
    await docker("cp", acme.rootFile, `${secrets}:/run/secrets/tls-acme-root`);
    await start(name, secrets, edgeContainer({
      stack, role: "edge", kind: "application", image, healthySeconds: 60, site, address: "127.0.0.1", port, upstreams: upstreamPort,
      tls: { kind: "acme", files: {}, environment: { HOUSELINE_ACME_DIRECTORY: acme.directory, HOUSELINE_ACME_EMAIL: "telephone@example.com", HOUSELINE_RENEW_INTERVAL: "1s" } },
    }));
  }

  /** The same of the relay of that host; returns its port of TLS. */
  async function startRelay(): Promise<number> {
    const relay = await relayImage();
    const ports = { turn: port + 4, turnTls: port + 5, turnLocal: port + 6 };
    const settings = readSettings({ switch: { kind: "freeswitch" }, site, turn: { enabled: true }, ports }, {}, "the relay's stack");
    const plan = turnContainer({ stack, settings, host: { publicAddress: "127.0.0.1" }, images: { turn: relay, secrets: "" }, peers: ["127.0.0.1"], tls: { kind: "acme", files: {}, environment: {} } });
    const folder = mkdtempSync(join(tmpdir(), "houseline-relay-"));
    const secrets = await docker("create", "--label", `houseline.stack=${stack}`, "--volume", "/run/secrets", image);
    writeFileSync(join(folder, "turn-secret"), relaySecret);
    await docker("cp", join(folder, "turn-secret"), `${secrets}:/run/secrets/turn-secret`);
    rmSync(folder, { recursive: true });
    await start("relay", secrets, { ...plan, environment: { ...plan.environment, HOUSELINE_CERTIFICATE_SECONDS: "1" } }, "--volume", "/slots");
    return ports.turnTls;
  }

  async function start(name: string, secrets: string, plan: ContainerPlan, ...more: string[]): Promise<void> {
    await docker("run", "--detach", "--name", `${stack}-${name}`, "--label", `houseline.stack=${stack}`, "--network", "host", "--user", `${uid}:${uid}`, "--read-only", "--cap-drop", "ALL",
      "--tmpfs", `/run/houseline:uid=${uid},gid=${uid}`, "--tmpfs", "/tmp", "--volume", `${stack}-certificates:${certificatesPath}`, "--volumes-from", `${secrets}:ro`, ...more,
      ...Object.entries(plan.environment).flatMap(([key, value]) => ["--env", `${key}=${value}`]), plan.image);
    await until(name, async () => (await docker("inspect", "--format", "{{.State.Health.Status}}", `${stack}-${name}`)) === "healthy", 30_000);
  }

  /** What the edge, or whoever is at another port, shows to whoever comes now. */
  async function presented(at = port): Promise<{ authorized: boolean; serial: string; from: number; to: number }> {
    const connection = await secureSocket(at);
    const { serialNumber, valid_from, valid_to } = connection.getPeerCertificate();
    connection.destroy();
    return { authorized: connection.authorized, serial: serialNumber, from: Date.parse(valid_from), to: Date.parse(valid_to) };
  }

  function secureSocket(at: number): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const connection = connect({ host: "127.0.0.1", port: at, servername: site, ca: root }, () => resolve(connection)).on("error", reject);
    });
  }
});

/** What stands behind the edge: ready, and an echo by WebSocket. */
async function server(port: number): Promise<Server> {
  const http = createServer((_, response) => response.end("ok"));
  new WebSocketServer({ server: http }).on("connection", (socket) => socket.on("message", (data) => socket.send(String(data))));
  await new Promise<void>((resolve) => http.listen(port, "127.0.0.1", resolve));
  return http;
}

async function echo(socket: WebSocket, text: string): Promise<void> {
  if (socket.readyState === WebSocket.CONNECTING) await new Promise<void>((resolve, reject) => socket.once("open", resolve).once("error", reject));
  const answer = new Promise<string>((resolve, reject) => socket.once("message", (data) => resolve(String(data))).once("close", () => reject(new Error("The connection was closed."))));
  socket.send(text);
  expect(await answer).toBe(text);
}
