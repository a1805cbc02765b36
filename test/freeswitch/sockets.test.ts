import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Scene } from "./scene.ts";
import { aptSource, dockerRun, domain, images, ownName, skipReason } from "./stack.ts";
import { Wire } from "./wire.ts";

const people = {
  anna: { name: "anna", extension: "101", authName: "anna~k3f9", password: "one", hz: 2700 },
  boris: { name: "boris", extension: "102", authName: "boris~x1", password: "two", hz: 3000 },
} as const;

describe.skipIf(!aptSource)(`the sockets of FreeSWITCH${skipReason && ` (skipped: ${skipReason})`}`, () => {
  let scene: Scene<keyof typeof people>;

  beforeAll(async () => { scene = await Scene.open(people); });
  afterAll(async () => { await scene?.close(); });
  afterEach(async () => { await scene?.clear(); });

  /** The list of docs/security.md, with the ports of this run. */
  function documented(): string[] {
    const page = readFileSync(join(import.meta.dirname, "../../docs/security.md"), "utf8");
    const { ws, sip, esl } = scene.stack.ports(0);
    const ports: Record<string, number> = { sipWs: ws, sip, esl };
    return [...page.matchAll(/^\| (tcp|udp) \| `ports\.(\w+)` \| (loopback|private address)[^|]*\|/gm)]
      .filter(([, , key = ""]) => key in ports).map(([, protocol, key = ""]) => `${protocol} 127.0.0.1:${ports[key]}`).sort();
  }

  it("are those of the documented list and no other, all on private addresses", async () => {
    expect(documented()).toHaveLength(3);
    expect(await scene.running.listening()).toEqual(documented());
  });

  it("are one pair of RTP and RTCP more for each leg, within the slot's range, and none after the call", async () => {
    const listed = documented();
    const { rtp } = scene.stack.ports(0);
    await scene.call("anna", "102");
    await scene.talk("anna", "boris");
    const media = (await scene.running.listening()).filter((socket) => !listed.includes(socket));
    expect(media.length).toBeGreaterThanOrEqual(2);
    for (const socket of media) {
      const [, address, port] = /^udp ([\d.]+):(\d+)$/.exec(socket) ?? [];
      expect(address, socket).toBe("127.0.0.1");
      expect(Number(port), socket).toBeGreaterThanOrEqual(rtp);
      expect(Number(port), socket).toBeLessThan(rtp + 5_460);
    }
    await scene.clear();
    expect(await scene.running.listening()).toEqual(listed);
  });

  it("ESL is closed to addresses that are neither this switch's nor an application server's, and to a wrong password", async () => {
    const { esl } = scene.stack.ports(0);
    const greeting = (from: string, ...said: string[]) => dockerRun("run", "--rm", "--label", `houseline.stack=${ownName()}`, "--network", "host", "--entrypoint", "bash", images.freeswitch, "-c",
      `exec 3<>/dev/tcp/${from}/${esl} && { printf '%b' '${said.join("")}' >&3; timeout 2 cat <&3; }; true`);
    expect(await greeting("127.0.0.1")).toContain("auth/request");
    expect(await greeting("127.0.0.1", "auth guess\\n\\n")).toContain("-ERR invalid");
    expect(await greeting("127.0.0.1", "api status\\n\\n")).not.toContain("UP ");
  });

  it.each(["203.0.113.9", "0.0.0.0", "172.32.0.1", "::", "host"])("a private address of %s is refused in a sentence", async (address) => {
    const running = await scene.stack.start({ HOUSELINE_PRIVATE_IP: address });
    const { code } = await running.ended(10_000);
    expect(code).toBe(64);
    expect(await running.logs()).toContain(`HOUSELINE_PRIVATE_IP has '${address}', which is no private IPv4 address`);
    await running.remove();
  });

  it("a public peer is refused in a sentence", async () => {
    const running = await scene.stack.start({ HOUSELINE_PEERS: "127.0.0.1 198.51.100.7" });
    expect((await running.ended(10_000)).code).toBe(64);
    expect(await running.logs()).toContain("HOUSELINE_PEERS has '198.51.100.7'");
    await running.remove();
  });

  it("the mesh answers on the private address alone", async () => {
    const wire = await Wire.udp(scene.stack.ports(0).sip, domain);
    expect((await wire.ask({ method: "OPTIONS", to: "anna" })).status).toBe(200);
    wire.close();
  });
});
