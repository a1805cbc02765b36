import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Scene } from "./scene.ts";
import { aptSource, skipReason } from "./stack.ts";

const people = {
  anna: { name: "anna", extension: "101", authName: "anna~k3f9", password: "one", hz: 2700 },
  boris: { name: "boris", extension: "102", authName: "boris~x1", password: "two", hz: 3000 },
} as const;

describe.skipIf(!aptSource)(`the way out that FreeSWITCH does not have${skipReason && ` (skipped: ${skipReason})`}`, () => {
  let scene: Scene<keyof typeof people>;
  /** A carrier on loopback: what came to it, over UDP and TCP. */
  const received: string[] = [];
  const udp = createSocket("udp4");
  const tcp = createServer((socket) => socket.on("data", (data) => received.push(data.toString())));
  let carrier: string;

  beforeAll(async () => {
    udp.on("message", (message) => received.push(message.toString()));
    await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
    const { port } = tcp.address() as { port: number };
    await new Promise<void>((resolve) => udp.bind(port, "127.0.0.1", resolve));
    carrier = `127.0.0.1:${port}`;
    scene = await Scene.open(people);
  });
  afterAll(async () => {
    await scene?.close();
    udp.close();
    tcp.close();
  });
  afterEach(async () => {
    await scene?.clear();
    expect(received).toEqual([]);
  });

  /** Boris is transferred to an address, with what the switch then says of it. */
  async function refer(uri: string): Promise<void> {
    await scene.call("anna", "boris");
    await scene.talk("anna", "boris");
    await scene.pages.anna.evaluate((uri) => {
      const told = (what: string) => () => { window.phone.events.push({ at: Date.now(), what: `refer ${what}` }); };
      window.phone.session.refer(uri, { eventHandlers: { accepted: told("accepted"), failed: told("failed"), requestFailed: told("failed") } });
    }, uri);
  }

  it("knows no number of the world", async () => {
    for (const number of ["+442071234567", "00442071234567", "sofia%2Fhouseline%2Fx"]) {
      await scene.call("anna", number);
      expect(await scene.event("anna", "failed")).toMatch(/^failed Not Found 404/);
      await scene.clear();
    }
  });

  it("has no gateway, and takes none from the directory", async () => {
    const { directory } = scene.stack;
    const answer = directory.answer.bind(directory);
    directory.answer = (user) => answer(user).replace("</user>",
      `<gateways><gateway name="carrier"><param name="proxy" value="${carrier}"/><param name="username" value="x"/><param name="password" value="y"/></gateway></gateways></user>`);
    await scene.running.command("xml_flush_cache");
    await scene.register("anna");
    await scene.running.command("sofia profile houseline rescan");
    expect(await scene.running.command("sofia status gateway")).toMatch(/0 gateways/);
    expect(await scene.running.command("originate sofia/gateway/carrier/442071234567 &park")).toMatch(/^-ERR/);
    directory.answer = answer;
  });

  it("transfers nobody to an address: only what people dial counts", async () => {
    await refer(`sip:442071234567@${carrier}`);
    await scene.hearsPrompt("boris", "houseline/unknown");
  });

  it("looks for no consultation elsewhere", async () => {
    await refer(`sip:boris@${carrier}?Replaces=${encodeURIComponent("nobody;to-tag=1;from-tag=2")}`);
    expect(await scene.event("anna", "refer", 20_000)).toBe("refer failed");
  });

  it("follows no redirection of a device", async () => {
    await scene.patient("boris");
    await scene.call("anna", "boris");
    await scene.event("boris", "incoming");
    await scene.pages.boris.evaluate((carrier) => window.phone.session.terminate({ status_code: 302, extraHeaders: [`Contact: <sip:442071234567@${carrier}>`] }), carrier);
    await scene.hearsPrompt("anna", "houseline/try-again");
    expect(await scene.event("anna", "failed")).toMatch(/^failed/);
  });

  it("has no transport to the world either", async () => {
    expect(await scene.running.command(`originate {originate_timeout=5}sofia/houseline/sip:442071234567@${carrier} &park`)).toMatch(/^-ERR/);
  });
});
