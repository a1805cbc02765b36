import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noHosts } from "../support/host.ts";
import type { Phone } from "../support/phones.ts";
import { SeveralHosts, sites } from "../support/several-hosts.ts";
import { switches } from "../support/switches.ts";
import { until } from "../support/until.ts";

const freeswitch = switches.find(({ role }) => role === "freeswitch")!;

/** Everything else of a softswitch in reserve is played on the lab switch, which brings nobody back. (several-hosts.test.ts) */
describe.skipIf(freeswitch.skip || noHosts !== undefined)(`calls on a softswitch whose machine is lost, with another in reserve${noHosts === undefined ? "" : ` (skipped: ${noHosts})`}, on ${freeswitch.name}`, () => {
  let scene: SeveralHosts;
  let anna: Phone;
  let boris: Phone;

  beforeAll(async () => {
    scene = await SeveralHosts.start({ reserve: true, on: freeswitch });
    await scene.useStandby();
    await scene.deployment.up();
    [anna, boris] = await Promise.all([scene.enter("anna", 440), scene.enter("boris", 700)]);
  });
  afterAll(() => scene?.remove());

  const callOf = (phone: Phone) => phone.page.evaluate(() => window.houseline.calls.map(({ callId, state }) => `${callId} ${state}`).join());

  async function connect(): Promise<string> {
    await anna.button("Call Boris Weber").click();
    await boris.button("Answer").click();
    const [id] = await Promise.all([anna.inState("answered"), boris.inState("answered")]);
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    return id;
  }

  it("come back by the other: the same call, and both hear each other", async () => {
    expect([anna.switchSite, boris.switchSite]).toEqual([sites.softswitch, sites.softswitch]);
    const id = await connect();
    await Promise.all([anna.listenFor(boris), boris.listenFor(anna)]);
    const lost = performance.now();
    await scene.loseSoftswitch();
    await Promise.all([anna, boris].map((phone) => phone.registeredAt(sites.standby, 15_000)));
    console.log(`a softswitch's machine is lost: everybody is registered with the one in reserve after ${((performance.now() - lost) / 1_000).toFixed(1)} s`);
    await until("each other's voice", async () => await anna.level(boris.hz) > -50 && await boris.level(anna.hz) > -50, 45_000);
    expect([await callOf(anna), await callOf(boris)]).toEqual([`${id} answered`, `${id} answered`]);
    console.log(`without a voice: ${await anna.longestSilence()} and ${await boris.longestSilence()} ms`);
  });

  it("and go on there when the first is back, while people register with that again", async () => {
    const id = (await callOf(anna)).split(" ")[0];
    await scene.replaceSoftswitch();
    await scene.deployment.up();
    await Promise.all([anna, boris].map((phone) => phone.registeredAt(sites.softswitch, 30_000)));
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    expect([await callOf(anna), await callOf(boris)]).toEqual([`${id} answered`, `${id} answered`]);
    await anna.button("Hang up").click();
    await Promise.all([anna.idle(), boris.idle()]);
    await connect();
  });
});
