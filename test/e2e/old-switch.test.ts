import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker, nextRelease, type Seen } from "../support/docker.ts";
import type { Phone } from "../support/phones.ts";
import { Scene } from "../support/scene.ts";
import { switches } from "../support/switches.ts";
import { until } from "../support/until.ts";

const run = promisify(execFile);
const freeswitch = switches.find(({ role }) => role === "freeswitch")!;

describe.skipIf(freeswitch.skip)(`a call in a switch that was replaced has everything that others have, on ${freeswitch.name}`, () => {
  let scene: Scene;
  let anna: Phone;
  let boris: Phone;
  /** In a room of that switch. */
  let clara: Phone;
  let dmitri: Phone;
  let old: Seen;
  let image = "";
  let id = "";

  beforeAll(async () => {
    scene = await Scene.set({ config: { ...freeswitch.config, drainSeconds: 600 }, people: ["anna", "boris", "clara", "dmitri"] });
    [anna, boris, clara, dmitri] = (["anna", "boris", "clara", "dmitri"] as const).map((name) => scene.phone(name)) as [Phone, Phone, Phone, Phone];
    old = await scene.deployment.container("freeswitch");
    id = await scene.connect(anna, boris, "Boris Weber");
    for (const phone of [clara, dmitri]) await phone.page.evaluate(() => { window.houseline.call("room-lobby"); });
    await Promise.all([clara.hears(dmitri), dmitri.hears(clara)]);
    const before = await switchUrl(anna);
    image = await nextRelease(old.image, `houseline/freeswitch:${scene.deployment.stack}`);
    await scene.deployment.configure({ freeswitch: { image } });
    await scene.deployment.up("--no-wait");
    await until("everybody at the new switch", async () => (await Promise.all([anna, boris, clara, dmitri].map(switchUrl))).every((url) => url !== before));
    await Promise.all([anna, boris, clara, dmitri].map((phone) => phone.ready()));
  });
  afterAll(async () => {
    await scene?.end();
    if (image) await docker("rmi", "--force", image).catch(() => undefined);
  });

  const switchUrl = (phone: Phone) => phone.page.evaluate(() => window.houseline.switchUrl);
  const callOf = (phone: Phone) => phone.page.evaluate(() => window.houseline.calls.map(({ callId, state }) => `${callId} ${state}`).join());
  async function talk(): Promise<void> {
    await until("the same call", async () => await callOf(anna) === `${id} answered` && await callOf(boris) === `${id} answered`, 15_000);
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
  }

  it("a page that is loaded again is brought back to whom it talked to", async () => {
    for (const phone of [anna, boris, anna]) {
      const other = phone === anna ? boris : anna;
      await other.listenFor(phone);
      await phone.page.reload();
      await talk();
      console.log(`reload: ${await other.longestSilence()} ms without the voice`);
    }
  });

  it("both pages are loaded again at once", async () => {
    await Promise.all([anna.page.reload(), boris.page.reload()]);
    await talk();
  });

  it("a page in a room that is loaded again is back among those who are in it", async () => {
    for (const phone of [clara, dmitri]) {
      await phone.page.reload();
      await Promise.all([clara.hears(dmitri), dmitri.hears(clara)]);
    }
  });

  it("a browser that stands still for some seconds has its call when it goes on, and its room", async () => {
    await anna.listenFor(boris);
    const processes = (await run("pgrep", ["-f", `user-data-dir=(${boris.profile}|${dmitri.profile})`])).stdout.trim().split("\n");
    await run("kill", ["-STOP", ...processes]);
    try {
      await anna.hearsMusic(boris);
      // Whoever stands still as long as Boris is missed with him.
      await clara.hearsNothingOf(dmitri);
    } finally {
      await run("kill", ["-CONT", ...processes]);
    }
    await talk();
    await Promise.all([clara.hears(dmitri), dmitri.hears(clara)]);
    console.log(`stood still: ${await anna.longestSilence()} ms without the voice`);
  });

  it("holds and takes back, by the page", async () => {
    await anna.button("Hold").click();
    await boris.hearsMusic(anna);
    await anna.button("Resume").click();
    await talk();
  });

  it("moves to another device of the person's, and back", async () => {
    const second = await scene.enter("anna");
    await second.button("Move here").click();
    await until("the call at the second device", async () => await callOf(second) === `${id} answered`);
    await Promise.all([second.hears(boris), boris.hears(second)]);
    await anna.button("Move here").click();
    await talk();
    await second.page.close();
  });

  it("a supervisor, who is registered with the new switch alone, listens", async () => {
    const supervisor = await scene.enter("dmitri");
    await supervisor.page.locator("#tab-supervise").click();
    await supervisor.page.getByRole("button", { name: /^Listen: .*(Anna|Boris)/ }).first().click();
    await supervisor.hearsAll(anna, boris);
    await supervisor.button("Leave").click();
    await supervisor.idle();
    await supervisor.page.close();
    await talk();
  });

  it("and the old switch goes after it", async () => {
    for (const { page } of [clara, dmitri]) await page.evaluate(() => window.houseline.calls.forEach((call) => call.hangup()));
    await anna.button("Hang up").click();
    await Promise.all([anna, boris, clara, dmitri].map((phone) => phone.idle()));
    await until("the old switch gone", async () => (await scene.deployment.containers()).some((one) => one.id === old.id && one.state === "exited" && one.exitCode === 0), 10_000);
    expect([anna, boris, clara, dmitri].flatMap(({ complaints }) => complaints).filter((text) => !/WebSocket/.test(text))).toEqual([]);
  });
});
