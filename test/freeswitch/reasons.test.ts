import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Person } from "./directory.ts";
import { Scene, surelyHeard } from "./scene.ts";
import { comeBackBusy, cutOff } from "./sip-client.ts";
import { aptSource, domain, skipReason } from "./stack.ts";

const people = {
  anna: { name: "anna", extension: "101", authName: "anna~k3f9", password: "one", hz: 2700 },
  boris: { name: "boris", extension: "102", authName: "boris~x1", password: "two", hz: 3000 },
  vera: { name: "vera", extension: "103", authName: "vera~9", password: "three", hz: 3300, language: "ru" },
} as const;
const others: Person[] = [
  { name: "gleb", extension: "104", authName: "gleb~1", password: "four" },
  { name: "dora", extension: "105", authName: "dora~1", password: "five", doNotDisturb: true },
];

describe.skipIf(!aptSource)(`why a call failed, through FreeSWITCH${skipReason && ` (skipped: ${skipReason})`}`, () => {
  let scene: Scene<keyof typeof people>;

  beforeAll(async () => { scene = await Scene.open(people, { others, settings: { HOUSELINE_RING_SECONDS: "3" } }); });
  afterAll(async () => { await scene?.close(); });
  afterEach(async () => { await scene?.clear(); });

  async function rejects(status: number): Promise<void> {
    await scene.event("boris", "incoming");
    await scene.pages.boris.evaluate((status) => window.phone.session.terminate({ status_code: status }), status);
  }

  it.each([
    ["busy", "boris", () => rejects(486), /^failed Busy 486 .*cause=17;text="USER_BUSY"/],
    ["declined", "boris", () => rejects(603), /^failed Rejected 603 .*cause=21;text="CALL_REJECTED"/],
    ["no-answer", "102", () => Promise.resolve(), /^failed Unavailable 480 .*cause=19;text="NO_ANSWER"/],
    ["offline", "gleb", () => Promise.resolve(), /^failed Unavailable 480 .*text="USER_NOT_REGISTERED"/],
    ["do-not-disturb", "dora", () => Promise.resolve(), /^failed Unavailable 480 SIP;cause=480;text="DO_NOT_DISTURB"/],
    ["unknown", "199", () => Promise.resolve(), /^failed Not Found 404 .*cause=1;text="UNALLOCATED_NUMBER"/],
  ] as const)("%s: the caller hears it before the answer, then gets it as the reason", async (prompt, to, act, reason) => {
    await scene.patient("boris");
    await scene.call("anna", to);
    await act();
    await scene.hearsPrompt("anna", `houseline/${prompt}`);
    expect(await scene.event("anna", "failed")).toMatch(reason);
    expect(await scene.events(scene.pages.anna)).not.toContain("accepted");
  });

  it("speaks the caller's language", async () => {
    await scene.call("vera", "199");
    await scene.hearsPrompt("vera", "houseline/unknown", "ru");
    expect(await scene.likeness("vera", "houseline/unknown", "en")).toBeLessThan(surelyHeard);
    expect(await scene.event("vera", "failed")).toMatch(/^failed Not Found 404/);
  });

  it("lets a caller hang up while the prompt is spoken", async () => {
    await scene.call("anna", "gleb");
    await scene.event("anna", "progress");
    await scene.hangUp("anna");
    expect(await scene.event("anna", "failed")).toMatch(/^failed Canceled/);
  });

  it("tells whoever was transferred to somebody who is not there, and ends their call", async () => {
    await scene.call("anna", "boris");
    await scene.talk("anna", "boris");
    await scene.transfer("anna", "gleb");
    await scene.hearsPrompt("boris", "houseline/offline");
    expect(await scene.event("boris", "ended")).toBe("ended Terminated");
  });

  const gleb = { domain, ...others[0]! };

  it("somebody whose connection was just cut off is rung up when it is back", async () => {
    await cutOff(scene.stack.url(0), gleb);
    await scene.call("anna", "gleb");
    await new Promise((resolve) => setTimeout(resolve, 300));
    await comeBackBusy(scene.stack.url(0), gleb);
    expect(await scene.event("anna", "failed")).toMatch(/^failed Busy 486/);
  });

  it("and who doesn't come back is offline soon", async () => {
    await cutOff(scene.stack.url(0), gleb);
    const began = performance.now();
    await scene.call("anna", "gleb");
    await scene.event("anna", "progress");
    expect(performance.now() - began).toBeLessThan(4_000);
    await scene.hearsPrompt("anna", "houseline/offline");
    expect(await scene.event("anna", "failed")).toMatch(/^failed Unavailable 480/);
  });

  it("does not touch a call that the application server makes", async () => {
    expect(await scene.running.command("originate {ignore_early_media=true}user/boris &park")).toMatch(/^\+OK/);
    await scene.event("boris", "accepted");
    expect(await scene.running.command("originate {ignore_early_media=true}user/gleb &park")).toMatch(/^-ERR USER_NOT_REGISTERED/);
  });
});
