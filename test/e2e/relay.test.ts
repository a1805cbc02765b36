import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { docker, nextRelease } from "../support/docker.ts";
import { cutNetwork } from "../support/network.ts";
import type { Phone } from "../support/phones.ts";
import { RelayScene } from "../support/relay-scene.ts";
import { switches } from "../support/switches.ts";
import { TurnClient } from "../support/turn-client.ts";
import { until } from "../support/until.ts";

const run = promisify(execFile);
const freeswitch = switches.find(({ role }) => role === "freeswitch")!;

describe.skipIf(freeswitch.skip)(`an office that blocks UDP, on ${freeswitch.name}`, () => {
  let scene: RelayScene;
  let anna: Phone;
  let boris: Phone;
  const restore: (() => Promise<void>)[] = [];
  let next = "";

  beforeAll(async () => {
    scene = await RelayScene.set(freeswitch.config);
    [anna, boris] = [await scene.enter("anna", 440), await scene.enter("boris", 700)];
    restore.push(await cutNetwork("-p", "udp"));
  });
  afterAll(async () => {
    for (const one of restore) await one();
    await scene?.end();
    if (next !== "") await docker("rmi", "--force", next).catch(() => undefined);
  });
  afterEach(async () => {
    for (const phone of [anna, boris]) await phone.page.evaluate(() => window.houseline.calls.forEach((call) => call.hangup()));
    await Promise.all([anna.idle(), boris.idle()]);
  });

  async function connect(): Promise<void> {
    await anna.button("Call Boris Weber").click();
    await boris.button("Answer").click();
    const answered = performance.now();
    await Promise.all([anna.inState("answered"), boris.inState("answered")]);
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    console.log(`both hear each other ${Math.round(performance.now() - answered)} ms after the answer, by ${JSON.stringify(await scene.wayOf(anna))}`);
  }
  const relays = async () => (await scene.deployment.containers()).filter(({ role, state }) => role === "turn" && state === "running");

  it("its people hear each other all the same, by the relay", async () => {
    await connect();
    for (const phone of [anna, boris]) expect(await scene.wayOf(phone)).toEqual({ type: "relay", relayProtocol: expect.stringMatching(/^(tcp|tls)$/) });
  });

  it("by TLS, where only that gets through", async () => {
    const open = await cutNetwork("-p", "tcp", "--dport", String(scene.ports.turn));
    try {
      await connect();
      for (const phone of [anna, boris]) expect(await scene.wayOf(phone)).toEqual({ type: "relay", relayProtocol: "tls" });
    } finally {
      await open();
    }
  });

  it("who has UDP goes straight to the switch", async () => {
    await restore.pop()!();
    await connect();
    expect((await scene.wayOf(anna))!.type).not.toBe("relay");
    restore.push(await cutNetwork("-p", "udp"));
  });

  it("the relay forwards to the switch's media and to nothing else", async () => {
    const client = await TurnClient.open(scene.ports.turn, await scene.turnOf(anna));
    expect(await client.allocate()).toEqual({ port: expect.any(Number) });
    expect(await client.permit("127.0.0.1")).toBeUndefined();
    for (const address of ["127.0.0.2", "10.0.0.1", "172.17.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "8.8.8.8", "224.0.0.1", "255.255.255.255", "0.0.0.0"]) {
      expect([address, await client.permit(address), await client.bindChannel(address, 53)]).toEqual([address, 403, 403]);
    }
    expect(await client.connectTo("127.0.0.1", 22)).toBe(403);
    client.close();
    const tcp = await TurnClient.open(scene.ports.turn, await scene.turnOf(anna));
    expect(await tcp.allocate(6)).toEqual({ error: 442 });
    tcp.close();
  });

  it("a credential that has ended, or was made with another secret, opens nothing", async () => {
    const answer = async (credential: { username: string; credential: string }) => {
      const client = await TurnClient.open(scene.ports.turn, credential);
      try {
        return await client.allocate();
      } finally {
        client.close();
      }
    };
    expect(await answer(await scene.credential(60))).toEqual({ port: expect.any(Number) });
    expect(await answer(await scene.credential(-1))).toEqual({ error: 401 });
    const made = await scene.credential(60);
    expect(await answer({ ...made, username: made.username.replace("mallory", "anna") })).toEqual({ error: 401 });
    expect(await answer({ ...made, credential: Buffer.from("guessed").toString("base64") })).toEqual({ error: 401 });
  });

  it("a relay outlives its credential, and one session has so many of them", async () => {
    const brief = await scene.credential(3);
    const client = await TurnClient.open(scene.ports.turn, brief);
    expect((await client.allocate()).port).toBeDefined();
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect([await client.refresh(600), await client.permit("127.0.0.1")]).toEqual([undefined, undefined]);
    const clients = [client];
    const one = await scene.credential(60);
    let answer: { error?: number; port?: number } = {};
    while (answer.error === undefined && clients.length <= 100) {
      clients.push(await TurnClient.open(scene.ports.turn, one));
      answer = await clients.at(-1)!.allocate();
    }
    expect([answer, clients.length]).toEqual([{ error: 486 }, expect.toSatisfy((count: number) => count > 50 && count < 70)]);
    for (const each of clients) each.close();
  });

  it("its secret is in no process list, and not in what Docker tells of the containers", async () => {
    const secret = await scene.secret();
    const ids = (await scene.deployment.containers()).map(({ id }) => id);
    for (const text of [(await run("ps", ["-eww", "-o", "args"])).stdout, await docker("inspect", ...ids)]) expect(text).not.toContain(secret);
  });

  it("an upgrade of the relay leaves its calls alone; one of nothing leaves the relay alone", async () => {
    const [{ id, image } = { id: "", image: "" }] = await relays();
    expect((await scene.deployment.up()).stdout).toContain("Nothing to change");
    expect((await relays()).map((one) => one.id)).toEqual([id]);
    await connect();
    next = await nextRelease(image, `houseline/turn:${scene.deployment.stack}`);
    await scene.deployment.configure({ images: { turn: next } });
    await anna.listenFor(boris);
    await scene.deployment.up("--no-wait");
    expect(await relays()).toHaveLength(2);
    const silence = await anna.longestSilence();
    console.log(`the relay was replaced: ${silence} ms without the voice`);
    expect(silence).toBeLessThan(1_000);
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    await anna.button("Hang up").click();
    await Promise.all([anna.idle(), boris.idle()]);
    await until("the end of the old relay", async () => (await relays()).length === 1, 30_000);
    expect((await relays())[0]!.image).toBe(next);
    await connect();
    expect((await scene.wayOf(anna))!.type).toBe("relay");
  });
});
