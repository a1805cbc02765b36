import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { docker } from "../support/docker.ts";
import { cutNetwork } from "../support/network.ts";
import type { Phone } from "../support/phones.ts";
import { Scene } from "../support/scene.ts";
import { switches } from "../support/switches.ts";
import { until } from "../support/until.ts";

const freeswitch = switches.find(({ role }) => role === "freeswitch")!;

describe.skipIf(freeswitch.skip)(`a call outlives its page and its switch, on ${freeswitch.name}`, () => {
  let scene: Scene;
  let anna: Phone;
  let boris: Phone;

  beforeAll(async () => {
    scene = await Scene.set({ config: freeswitch.config, people: ["anna", "boris"], cuttable: ["boris"] });
    [anna, boris] = [scene.phone("anna"), scene.phone("boris")];
  });
  afterAll(() => scene?.end());
  afterEach(() => scene?.clear());

  const timer = (phone: Phone) => phone.page.getByRole("timer").textContent();
  const callOf = (phone: Phone) => phone.page.evaluate(() => window.houseline.calls.map(({ callId, state }) => `${callId} ${state}`).join());

  it("a reload in the middle of a call: the same call, its timer going on, after a gap that is hardly heard", async () => {
    const id = await scene.connect(anna, boris, "Boris Weber");
    await until("a few seconds", async () => /^0:0[3-9]$/.test(await timer(boris) ?? ""));
    await anna.listenFor(boris);
    await boris.page.reload();
    await until("the same call", async () => await callOf(boris) === `${id} answered`);
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    expect(await timer(boris)).toMatch(/^0:(0[3-9]|1\d)$/);
    const gap = await anna.longestSilence();
    console.log(`reload: ${gap} ms without the voice`);
    expect(gap).toBeLessThan(3_000);
    expect(await callOf(anna)).toBe(`${id} answered`);
  });

  it("the caller's page is loaded again, twice, and hung up from the new page", async () => {
    const id = await scene.connect(anna, boris, "Boris Weber");
    for (let turn = 0; turn < 2; turn++) {
      await anna.page.reload();
      await until("the same call", async () => await callOf(anna) === `${id} answered`);
      await Promise.all([anna.hears(boris), boris.hears(anna)]);
    }
    await anna.button("Hang up").click();
    await Promise.all([anna.idle(), boris.idle()]);
    await until("nobody in a call", async () => await scene.deployment.metric("houseline_calls") === 0);
  });

  it("a page that is closed for good: its peer hears music, and then a plain end", async () => {
    const clara = await scene.enter("clara");
    await scene.connect(clara, anna, "Anna Petrova");
    await clara.page.close();
    await anna.hearsMusic(clara);
    await until("the state", async () => /lost the connection/.test(await anna.page.locator(".call .state").textContent() ?? ""));
    await until("the end", async () => await anna.page.evaluate(() => window.houseline.calls.length === 0), 45_000);
    expect(await anna.recent()).toMatch(/did not come back/);
  });

  it("a call moves to another device of the person's, and its old one says so", async () => {
    const id = await scene.connect(anna, boris, "Boris Weber");
    const second = await scene.enter("anna");
    await second.button("Move here").click();
    await until("the call at the second device", async () => await callOf(second) === `${id} answered`);
    await Promise.all([second.hears(boris), boris.hears(second)]);
    await anna.idle();
    expect(await anna.recent()).toMatch(/goes on at another device/);
    await second.button("Hang up").click();
    await Promise.all([second.idle(), boris.idle()]);
    await second.page.close();
  });

  it("a network that is gone for 20 seconds: music meanwhile, and then the same call", async () => {
    const id = await scene.connect(anna, boris, "Boris Weber");
    const restore = await cutNetwork();
    try {
      await anna.hearsMusic(boris);
      await new Promise((resolve) => setTimeout(resolve, 15_000));
    } finally {
      await restore();
    }
    await until("the same call", async () => await callOf(boris) === `${id} answered` && await callOf(anna) === `${id} answered`, 30_000);
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
  });

  it("the switch is killed under calls: the same people are brought together again", async () => {
    const [clara, dmitri] = [await scene.enter("clara"), await scene.enter("dmitri")];
    const ids = [await scene.connect(anna, boris, "Boris Weber"), await scene.connect(clara, dmitri, "Dmitri Orlov")];
    await Promise.all([anna.listenFor(boris), clara.listenFor(dmitri)]);
    const { id } = await scene.deployment.container("freeswitch");
    await docker("kill", "--signal", "KILL", id);
    await docker("start", id).catch(() => undefined);
    for (const [index, [one, other]] of [[anna, boris], [clara, dmitri]].entries() as ArrayIterator<[number, [Phone, Phone]]>) {
      await until("the same call", async () => await callOf(one) === `${ids[index]} answered` && await callOf(other) === `${ids[index]} answered`, 30_000);
      await Promise.all([one.hears(other), other.hears(one)]);
    }
    console.log(`switch killed: ${await anna.longestSilence()} and ${await clara.longestSilence()} ms without a voice`);
    await scene.clear(clara, dmitri);
    await Promise.all([clara.page.close(), dmitri.page.close()]);
  });
});
