import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { until } from "../support/until.ts";
import { Desk } from "./desk.ts";
import { Scene } from "./scene.ts";
import { aptSource, dockerRun, skipReason } from "./stack.ts";

const actors = {
  anna: { name: "anna", extension: "101", authName: "anna~k3f9", password: "one", hz: 700 },
  boris: { name: "boris", extension: "102", authName: "boris~x1", password: "two", hz: 1000 },
};
type Name = keyof typeof actors;
const rescueSeconds = 12;

describe.skipIf(!aptSource)(`a call outlives its page and its switch${skipReason && ` (skipped: ${skipReason})`}`, () => {
  let scene: Scene<Name>;
  let desk: Desk;

  beforeAll(async () => {
    scene = await Scene.open(actors);
    desk = new Desk(scene.stack, Object.values(actors), { rescueSeconds });
    await desk.open();
  });
  afterAll(async () => {
    desk?.close();
    await scene?.close();
  });
  beforeEach(() => { desk.told.length = 0; });
  afterEach(async () => {
    for (const call of desk.telephony.calls.all) desk.telephony.calls.finish(call, "failed");
    await scene.clear().catch(() => undefined);
  });

  const channels = async () => Number(/^(\d+) total/m.exec(await scene.running.command("show channels"))?.[1]);
  const music = async () => {
    await until("no voice", () => scene.pages.boris.evaluate(() => !window.phone.hearsTone(700)));
    await until("music", () => scene.pages.boris.evaluate(() => window.phone.hears().db > -60));
  };

  async function talk(from: Name = "anna"): Promise<string> {
    const to = from === "anna" ? "boris" : "anna";
    await scene.call(from, to);
    const id = await desk.inState("answered");
    await scene.talk("anna", "boris");
    return id;
  }

  it.each(["anna", "boris"] as const)("through a reload of the page, when %s called: the same call, two legs", async (from) => {
    const call = await talk(from);
    await scene.pages.boris.evaluate(() => {
      const log: [number, boolean][] = [];
      Object.assign(window, { heard: log });
      setInterval(() => log.push([Date.now(), window.phone.hearsTone(700)]), 10);
    });
    await scene.pages.anna.reload();
    await scene.register("anna");
    await scene.talk("anna", "boris");
    expect(desk.telephony.calls.all.map(({ id, state }) => [id, state])).toEqual([[call, "answered"]]);
    await until("two legs", async () => await channels() === 2);
    const gap = await scene.pages.boris.evaluate(() => {
      const times = (window as unknown as { heard: [number, boolean][] }).heard.filter(([, on]) => on).map(([at]) => at);
      return Math.max(...times.slice(1).map((at, index) => at - times[index]!));
    });
    console.log(`gap of the reload: ${gap} ms`);
    await scene.hangUp("boris");
    await desk.idle();
    expect(desk.told.at(-1)).toMatch(/ended hung-up$/);
    await until("no legs", async () => await channels() === 0);
  });

  it("when somebody is gone for a while: music meanwhile, and the same call when they return", async () => {
    const call = await talk();
    await scene.pages.anna.goto("about:blank");
    await desk.inState("rescuing");
    await music();
    await scene.pages.anna.goBack();
    await scene.register("anna");
    await scene.talk("anna", "boris");
    expect(desk.telephony.calls.all.map(({ id, state }) => [id, state])).toEqual([[call, "answered"]]);
    await until("two legs", async () => await channels() === 2);
    await scene.hangUp("anna");
    await desk.idle();
    await until("no legs", async () => await channels() === 0);
  });

  it("but not for ever: a plain end when nobody returns", async () => {
    await talk();
    await scene.pages.anna.goto("about:blank");
    await music();
    await until("the end", () => desk.told.at(-1) === "anna>boris ended not-returned", (rescueSeconds + 15) * 1_000);
    await until("boris to be told", async () => (await scene.pages.boris.evaluate(() => window.phone.events.map(({ what }) => what))).some((what) => what.startsWith("ended")));
    await until("no legs", async () => await channels() === 0);
    await scene.pages.anna.goBack();
    await scene.register("anna");
  });

  it("never after a real hang-up, of either side", async () => {
    for (const who of ["anna", "boris"] as const) {
      await talk();
      await scene.hangUp(who);
      await desk.idle();
      expect(desk.told).not.toContain("anna>boris rescuing");
      expect(desk.told.at(-1)).toBe("anna>boris ended hung-up");
    }
  });

  it("a switch that is killed: both come to the next, and the same call goes on", async () => {
    const call = await talk();
    const next = await scene.stack.start();
    await next.healthy();
    await until("both switches", () => desk.switches.all.filter(({ ready }) => ready).length === 2);
    await desk.telephony.renewLeases();
    const slot = await next.slot();
    const killed = Date.now();
    await dockerRun("kill", "--signal", "KILL", scene.running.name);
    await desk.inState("rescuing");
    scene.running = next;
    await Promise.all([scene.register("anna", scene.pages.anna, slot), scene.register("boris", scene.pages.boris, slot)]);
    await scene.talk("anna", "boris");
    console.log(`audio back after the kill: ${Date.now() - killed} ms`);
    expect(desk.telephony.calls.all.map(({ id, state }) => [id, state])).toEqual([[call, "answered"]]);
    expect(await channels()).toBe(2);
    await desk.ask("anna", "hangup", { call });
    await desk.idle();
    await until("no legs", async () => await channels() === 0);
    expect(desk.told.at(-1)).toMatch(/ended hung-up$/);
  });
});
