import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import { connect } from "node:tls";
import { WebSocket, WebSocketServer } from "ws";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { uid } from "../../pulumi/containers.ts";
import { certificatesPath, edgeContainer } from "../../pulumi/edge.ts";
import { runMark } from "../../cli/leftovers.ts";
import { AcmeServer } from "../support/acme.ts";
import { docker } from "../support/docker.ts";
import { plannedOfLabStack } from "../support/engine.ts";
import { freePorts } from "../support/ports.ts";
import { until } from "../support/until.ts";

const site = "phone.example.test";
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
    port = await freePorts(4);
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

  it("that takes over from another has its certificate, also while nobody gives any", async () => {
    acme.stop();
    const before = await presented();
    await startEdge("two");
    await docker("stop", `${stack}-one`);
    expect(await presented()).toEqual(before);
  });

  /** As a deployment starts it. */
  async function startEdge(name: string): Promise<void> {
    const plan = edgeContainer({
      stack, role: "edge", kind: "application", image, healthySeconds: 60, site, address: "127.0.0.1", port, upstreams: upstreamPort,
      tls: { kind: "acme", files: {}, environment: { HOUSELINE_ACME_DIRECTORY: acme.directory, HOUSELINE_ACME_EMAIL: "telephone@example.com", HOUSELINE_RENEW_INTERVAL: "1s" } },
    });
    const secrets = await docker("create", "--label", `houseline.stack=${stack}`, "--volume", "/run/secrets", image);
    await docker("cp", acme.rootFile, `${secrets}:/run/secrets/tls-acme-root`);
    await docker("run", "--detach", "--name", `${stack}-${name}`, "--label", `houseline.stack=${stack}`, "--network", "host", "--user", `${uid}:${uid}`, "--read-only", "--cap-drop", "ALL",
      "--tmpfs", `/run/houseline:uid=${uid},gid=${uid}`, "--tmpfs", "/tmp", "--volume", `${stack}-certificates:${certificatesPath}`, "--volumes-from", `${secrets}:ro`,
      ...Object.entries(plan.environment).flatMap(([key, value]) => ["--env", `${key}=${value}`]), plan.image);
    await until("the edge", async () => (await docker("inspect", "--format", "{{.State.Health.Status}}", `${stack}-${name}`)) === "healthy", 30_000);
  }

  /** What the edge shows to whoever comes now. */
  function presented(): Promise<{ authorized: boolean; serial: string; from: number; to: number }> {
    return new Promise((resolve, reject) => {
      const connection = connect({ host: "127.0.0.1", port, servername: site, ca: root }, () => {
        const { serialNumber, valid_from, valid_to } = connection.getPeerCertificate();
        resolve({ authorized: connection.authorized, serial: serialNumber, from: Date.parse(valid_from), to: Date.parse(valid_to) });
        connection.destroy();
      });
      connection.on("error", reject);
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
