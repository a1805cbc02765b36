import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { until } from "./browser.ts";
import { Scene } from "./scene.ts";
import { aptSource, skipReason, type Switch } from "./stack.ts";

const people = {
  anna: { name: "anna", extension: "101", authName: "anna~k3f9", password: "one", hz: 2700 },
  boris: { name: "boris", extension: "102", authName: "boris~x1", password: "two", hz: 3000 },
  vera: { name: "vera", extension: "103", authName: "vera~9", password: "three", hz: 3300 },
} as const;
type Name = keyof typeof people;

describe.skipIf(!aptSource)(`draining beside a new FreeSWITCH${skipReason && ` (skipped: ${skipReason})`}`, () => {
  let scene: Scene<Name>;
  /** The release that is told to go, and its slot. */
  let old: Switch;
  let oldSlot: number;
  let fresh: Switch | undefined;

  beforeAll(async () => { scene = await Scene.open(people, { settings: { HOUSELINE_DRAIN_SECONDS: "45" } }); });
  afterAll(async () => { await scene?.close(); });
  beforeEach(async () => {
    old = scene.running;
    oldSlot = await old.slot();
  });
  afterEach(async () => {
    await scene.clear();
    await old.remove();
    if (!fresh) return;
    scene.running = fresh;
    fresh = undefined;
    await startAnew();
  });

  /** The new release beside the old one, each seen by the other. */
  async function upgrade(settings: Record<string, string> = {}): Promise<number> {
    fresh = await scene.stack.start({ HOUSELINE_DRAIN_SECONDS: "45", ...settings });
    await fresh.healthy();
    const slot = await fresh.slot();
    const sees = (one: Switch, other: number) => until("the other slot seen", async () => (await one.command("global_getvar houseline_mesh")).includes(`:${scene.stack.ports(other).sip}^`));
    await Promise.all([sees(old, slot), sees(fresh, oldSlot)]);
    await old.terminate();
    await until("draining", async () => (await old.command("global_getvar houseline_draining")).includes("true"));
    return slot;
  }
  async function move(name: Name, slot: number): Promise<void> {
    await scene.pages[name].evaluate(() => window.phone.unregister());
    await scene.register(name, scene.pages[name], slot);
  }
  async function startAnew(): Promise<void> {
    for (const page of Object.values(scene.pages)) await page.evaluate(() => window.phone.stop());
    await scene.clear();
    const slot = await scene.running.slot();
    for (const name of Object.keys(people) as Name[]) await scene.register(name, scene.pages[name], slot);
    await scene.clear();
  }
  async function gone(): Promise<void> {
    const { milliseconds, code } = await old.ended(15_000);
    console.log(`last hang-up to container gone: ${milliseconds} ms`);
    expect(code).toBe(0);
    expect(milliseconds).toBeLessThan(6_000);
  }

  it("a room and a parked call of the old one are reached from the new one, and the old one ends after the last of them", async () => {
    await scene.call("anna", "vera");
    await scene.talk("anna", "vera");
    await scene.transfer("anna", "park-7");
    await until("Vera parked", async () => (await old.command("valet_info houseline")).includes(">7<"));
    await scene.call("anna", "room-blue");
    await until("the room", async () => (await old.command("conference list")).includes("blue"));

    const slot = await upgrade();
    await move("boris", slot);
    await scene.call("boris", "room-blue");
    await scene.talk("boris", "anna");
    await scene.hangUp("boris");
    await scene.call("boris", "pickup-7");
    await scene.talk("boris", "vera");
    await scene.hangUp("boris");
    await scene.event("vera", "ended");
    await scene.hangUp("anna");
    await gone();
  });

  it("whoever is in a call on the old one consults somebody on the new one; strangers get 503 and the other slot", async () => {
    await scene.call("anna", "boris");
    await scene.talk("anna", "boris");
    const slot = await upgrade();
    // Pages that have not moved yet are not refused at once.
    await until("refusing", async () => (await old.command("global_getvar houseline_refusing")).includes("true"));
    await scene.call("vera", "boris");
    expect(await scene.event("vera", "failed")).toMatch(/503/);
    await move("vera", slot);

    await scene.hold("anna");
    await scene.hearsMusic("boris");
    await scene.call("anna", "103");
    await scene.talk("anna", "vera");
    await scene.hangUp("anna");
    await scene.unhold("anna", -2);
    await scene.talk("anna", "boris");
    // From the new one to somebody who is still at the old one.
    await scene.patient("anna");
    await scene.call("vera", "101");
    await until("Anna called", async () => (await scene.events(scene.pages.anna)).filter((what) => what === "incoming 103").length === 1);
    await scene.hangUp("vera");
    await scene.hangUp("boris");
    await gone();
  });

  it("at the drain limit what is left is hung up, and the process ends with 0", async () => {
    await old.remove();
    scene.running = await scene.stack.start({ HOUSELINE_DRAIN_SECONDS: "3" });
    old = scene.running;
    await old.healthy();
    await startAnew();
    await scene.call("anna", "boris");
    await scene.talk("anna", "boris");
    await scene.call("anna", "room-blue");
    await old.terminate();
    const { milliseconds, code } = await old.ended(15_000);
    expect(code).toBe(0);
    expect(milliseconds).toBeGreaterThan(2_500);
    expect(milliseconds).toBeLessThan(9_500);
    expect(await old.logs()).toContain("drain limit reached");
    await scene.event("anna", "ended");
    await scene.event("boris", "ended");
  });
});
