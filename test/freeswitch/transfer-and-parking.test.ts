import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { until } from "./browser.ts";
import { Scene } from "./scene.ts";
import { aptSource, skipReason } from "./stack.ts";

const people = {
  anna: { name: "anna", extension: "101", authName: "anna~k3f9", password: "one", hz: 2700 },
  boris: { name: "boris", extension: "102", authName: "boris~x1", password: "two", hz: 3000 },
  vera: { name: "vera", extension: "103", authName: "vera~9", password: "three", hz: 3300 },
} as const;

describe.skipIf(!aptSource)(`transfers and parking through FreeSWITCH${skipReason && ` (skipped: ${skipReason})`}`, () => {
  let scene: Scene<keyof typeof people>;

  beforeAll(async () => { scene = await Scene.open(people, { settings: { HOUSELINE_PARK_SECONDS: "6" } }); });
  afterAll(async () => { await scene?.close(); });
  afterEach(async () => { await scene?.clear(); });

  async function annaTalksToBoris(): Promise<void> {
    await scene.call("anna", "boris");
    await scene.talk("anna", "boris");
  }
  /** The spaces that are taken. */
  const spaces = async () => [...(await scene.running.command("valet_info houseline")).matchAll(/<extension[^>]*>([^<]+)</g)].map(([, space = ""]) => space);
  const digits = Array.from({ length: 9 }, (_, digit) => `digits/${digit + 1}`);
  const oneSpace = () => until("a call parked", async () => (await spaces())[0]);
  const parked = (space: string) => until(`a call in space ${space}`, async () => (await spaces()).includes(space));

  it("transfers blindly, from the caller and from the callee", async () => {
    await annaTalksToBoris();
    await scene.transfer("anna", "103");
    await scene.talk("boris", "vera");
    expect(await scene.event("vera", "incoming")).toBe("incoming 102");
    await scene.event("anna", "ended");
    await scene.clear();
    await annaTalksToBoris();
    await scene.transfer("boris", "vera");
    await scene.talk("anna", "vera");
    expect(await scene.event("vera", "incoming")).toBe("incoming 101");
  });

  it("transfers after a consultation, and whoever waited heard music", async () => {
    await annaTalksToBoris();
    await scene.hold("anna");
    await scene.hearsMusic("boris");
    await scene.call("anna", "vera");
    await scene.talk("anna", "vera");
    await scene.pages.anna.evaluate(() => window.phone.transfer(-2, -1));
    await scene.talk("boris", "vera");
    await until("Anna out of both calls", async () => (await scene.events(scene.pages.anna)).filter((what) => what.startsWith("ended")).length === 2);
  });

  it("parks in a named space with music, and anybody picks it up", async () => {
    await annaTalksToBoris();
    await scene.transfer("anna", "park-red");
    await parked("red");
    await scene.hearsMusic("boris");
    await scene.call("vera", "pickup-red");
    await scene.talk("vera", "boris");
    expect(await spaces()).toEqual([]);
    await scene.hangUp("vera");
    await scene.event("boris", "ended");
  });

  it("says the number of a free space in a consultation, and the call that is transferred waits there", async () => {
    await annaTalksToBoris();
    await scene.hold("anna");
    await scene.call("anna", "park");
    await scene.hearsPrompt("anna", "houseline/parked");
    const space = await oneSpace();
    await scene.hearsWord("anna", `digits/${space}`, digits.filter((digit) => digit !== `digits/${space}`));
    await scene.pages.anna.evaluate(() => window.phone.transfer(-2, -1));
    await until("Anna out of both calls", async () => (await scene.events(scene.pages.anna)).filter((what) => what.startsWith("ended")).length === 2);
    await parked(space);
    await scene.hearsMusic("boris");
    await scene.call("vera", `pickup-${space}`);
    await scene.talk("vera", "boris");
  });

  it("gives each call that is transferred to the lot a space of its own, and picks up who waits longest", async () => {
    await annaTalksToBoris();
    await scene.transfer("anna", "park");
    const space = await oneSpace();
    await scene.call("vera", `park-${space}`);
    await scene.talk("vera", "boris");
    await scene.transfer("vera", "park-50");
    await parked("50");
    await scene.call("vera", "anna");
    await scene.talk("vera", "anna");
    // A taken space joins nobody who is transferred there.
    await scene.transfer("vera", "park-50");
    await until("two calls parked", async () => (await spaces()).length === 2);
    await scene.call("vera", "pickup");
    await scene.talk("vera", "boris");
  });

  it("returns a call that nobody picks up to who parked it", async () => {
    await annaTalksToBoris();
    await scene.transfer("anna", "park");
    await oneSpace();
    await scene.event("anna", "ended");
    await scene.pages.anna.evaluate(() => { window.phone.events.length = 0; });
    expect(await scene.event("anna", "incoming", 12_000)).toBe("incoming 102");
    await scene.talk("anna", "boris");
    expect(await spaces()).toEqual([]);
  });

  it("parks on when whoever parked it does not answer", async () => {
    await annaTalksToBoris();
    await scene.transfer("boris", "park-red");
    await parked("red");
    await scene.patient("boris");
    await scene.pages.boris.evaluate(() => { window.phone.events.length = 0; });
    await scene.event("boris", "incoming 101", 12_000);
    await scene.hangUp("boris");
    expect(await oneSpace()).toMatch(/^[1-9]\d?$/);
    await scene.hearsMusic("anna");
  });

  it("says that there is nothing in an empty space", async () => {
    for (const number of ["pickup-7", "pickup"]) {
      await scene.call("vera", number);
      await scene.hearsPrompt("vera", "houseline/parking-empty");
      expect(await scene.event("vera", "failed")).toMatch(/^failed Not Found 404/);
      await scene.clear();
    }
  });
});
