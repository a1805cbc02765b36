import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { switches } from "../support/switches.ts";
import { LoadedScene } from "../support/upgrade-load.ts";
import type { Seen } from "../support/docker.ts";

const freeswitch = switches.find(({ role }) => role === "freeswitch")!;

/** The short version; the whole scene is `./houseline bench upgrade`. */
describe.skipIf(freeswitch.skip)(`upgrades with people talking, on ${freeswitch.name}`, () => {
  let scene: LoadedScene;
  let old: Seen;
  let images: Record<string, string>;

  beforeAll(async () => {
    scene = await LoadedScene.open({ light: 4, clients: 30 });
    images = await scene.nextImages("freeswitch", "app-server", "softswitch-edge");
    old = scene.container("freeswitch");
  });
  afterAll(() => scene?.end());

  it("the switch: no call ends or falters, no new call fails, everybody registers anew; the sounds stay", async () => {
    const calm = await scene.during(async () => {}, 8);
    console.log("nothing upgraded", JSON.stringify(calm));
    const outcome = await scene.during(async () => {
      await scene.deployment.configure({ freeswitch: { image: images["freeswitch"] } });
      await scene.deployment.up("--no-wait");
    }, 25);
    console.log("the switch upgraded", JSON.stringify(outcome));
    expect(outcome).toMatchObject({ callsLost: 0, newCallsFailed: 0, eventsLost: 0, eventsDoubled: 0, messagesLost: 0, messagesDoubled: 0, wrongErrors: 0 });
    expect(outcome.newCalls).toBeGreaterThan(15);
    // Three browsers, the agents and the deployment share this machine's cores: the goal of 100 ms is the bench's.
    expect(outcome.switchGap).toBeLessThan(Math.max(200, 2 * calm.switchGap));
    expect(outcome.heardGap).toBeLessThan(300);
    // A room has nothing to send on while who speaks there sends nothing.
    expect(outcome.heardRoomGap).toBeLessThan(Math.max(300, outcome.roomPause + 100));
    expect(outcome.registered).toBeGreaterThan(0);
    expect(outcome.registered).toBeLessThan(5_000);
    expect((await scene.deployment.container("freeswitch-sound")).id).toBe(scene.container("freeswitch-sound").id);
  });

  it("the application server: sessions go on, no event lost or doubled, no command answered twice", async () => {
    const outcome = await scene.during(async () => {
      await scene.deployment.configure({ images: { appServer: images["app-server"] } });
      await scene.deployment.up("--no-wait");
    }, 20);
    console.log("the application server upgraded", JSON.stringify(outcome));
    expect(outcome).toMatchObject({ callsLost: 0, newCallsFailed: 0, eventsLost: 0, eventsDoubled: 0, messagesLost: 0, messagesDoubled: 0, wrongErrors: 0 });
    expect(outcome.longestAway).toBeGreaterThan(0);
    expect(outcome.longestAway).toBeLessThan(2_000);
  });

  it("the old switch is gone soon after its last call, with 0", async () => {
    const { seconds, code } = await scene.hangUp(old);
    console.log(`gone after ${seconds.toFixed(1)} s`);
    expect([code, seconds < 6]).toEqual([0, true]);
  });
});
