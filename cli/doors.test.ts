import { createServer, type Server } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { readSettings } from "../pulumi/settings.ts";
import { doorFindings } from "./doors.ts";
import { bindingAnswer, readBinding } from "./media-probe/stun.ts";

describe("what a doctor connects to", () => {
  const servers: Server[] = [];
  afterEach(() => { for (const server of servers.splice(0)) server.close(); });

  /** Something that answers what it is sent. */
  const answering = (answer: (request: Buffer) => Buffer | string) => new Promise<number>((resolve) => {
    const server = createServer((socket) => socket.on("data", (request) => socket.write(answer(request))).on("error", () => undefined));
    servers.push(server);
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
  /** The edge's port and the relay's by TLS are nobody's. */
  async function told(relay: number): Promise<string[]> {
    const closed = await answering(() => "");
    await new Promise((resolve) => servers.pop()!.close(resolve));
    const settings = readSettings({ site: "phone.example.test", switch: { kind: "freeswitch" }, turn: { enabled: true } }, {}, "x");
    const host = { name: "root@127.0.0.1", client: { path: "docker" }, addresses: settings.addresses, servers: "softswitch" as const };
    return (await doorFindings(host, { ...settings, ports: { ...settings.ports, switchEdge: closed, turn: relay, turnTls: closed } }, "/nowhere")).map(({ state, sentence }) => `${state}: ${sentence}`.replaceAll(String(closed), "CLOSED").replaceAll(String(relay), "RELAY"));
  }

  it("is told with how long it took, or with what is wrong with it", async () => {
    const relay = await answering((request) => bindingAnswer(readBinding(request)!.transaction, { address: "127.0.0.1", port: 1 }, "unused"));
    const lines = await told(relay);
    expect(lines).toContain("missing: the switch's edge: TCP port CLOSED of 127.0.0.1 can't be reached (ECONNREFUSED). Nobody listens there, or a firewall refuses it: see './houseline status'");
    expect(lines).toContainEqual(expect.stringMatching(/^found: the relay at 127\.0\.0\.1 port RELAY, after \d+ ms$/));
    expect(lines).toContain("missing: the relay: TCP port CLOSED of 127.0.0.1 can't be reached (ECONNREFUSED). Nobody listens there, or a firewall refuses it: see './houseline status'");
    expect(lines).toContain("advice: the name phone.example.test is not known here: people's browsers need it to lead to 127.0.0.1 (an A record)");
  });

  it("is no relay because it takes connections", async () => {
    const lines = await told(await answering(() => "HTTP/1.1 400 Bad Request\r\n\r\n".repeat(100)));
    expect(lines).toContain("missing: the relay: something takes connections at 127.0.0.1 port RELAY, and does not answer as a relay does. Check that 'houseline:ports.turn' leads to this host");
  });
});
