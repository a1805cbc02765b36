import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { until } from "../support/until.ts";
import { Desk } from "./desk.ts";
import { Scene } from "./scene.ts";
import { aptSource, skipReason } from "./stack.ts";

const actors = {
  anna: { name: "anna", extension: "101", authName: "anna~k3f9", password: "one", hz: 700 },
  boris: { name: "boris", extension: "102", authName: "boris~x1", password: "two", hz: 1000 },
  vera: { name: "vera", extension: "103", authName: "vera~9", password: "three", hz: 1300 },
};
type Name = keyof typeof actors;

/** Looks, 50 ms apart, in which music sounds without a pause. */
const musicLooks = 16;

describe.skipIf(!aptSource)(`call control over FreeSWITCH${skipReason && ` (skipped: ${skipReason})`}`, () => {
  let scene: Scene<Name>;
  let desk: Desk;

  beforeAll(async () => {
    scene = await Scene.open(actors);
    desk = new Desk(scene.stack, Object.values(actors));
    await desk.open();
  });
  afterAll(async () => {
    desk?.close();
    await scene?.close();
  });
  beforeEach(() => { desk.told.length = 0; desk.asked.length = 0; desk.permissions.clear(); });
  afterEach(async () => {
    await scene.clear();
    await desk.idle();
  });

  const hears = (who: Name, whom: Name) => until(`${who} to hear ${whom}`, () => scene.pages[who].evaluate((hz) => window.phone.hearsTone(hz), actors[whom].hz));
  const hearsNot = (who: Name, whom: Name) => until(`${who} not to hear ${whom}`, () => scene.pages[who].evaluate((hz) => !window.phone.hearsTone(hz), actors[whom].hz));
  const hearsMusic = async (who: Name) => {
    for (const whom of Object.keys(actors) as Name[]) await hearsNot(who, whom);
    // The first notes can come before the held device has answered: it has to go on after that.
    let looks = 0;
    await until(`${who} to hear music that goes on`, async () => (looks = await scene.pages[who].evaluate(() => window.phone.hears().db > -60) ? looks + 1 : 0) >= musicLooks);
  };
  const both = (one: Name, other: Name) => Promise.all([hears(one, other), hears(other, one)]);

  /** Anna calls Boris from her page. */
  async function talk(): Promise<string> {
    await scene.pages.anna.evaluate(() => window.phone.call("boris"));
    const id = await desk.inState("answered");
    await both("anna", "boris");
    return id;
  }

  it("places a call from one's own device, which answers by itself; hanging up is done once", async () => {
    const { call } = await desk.ask("anna", "call", { to: "102" });
    await desk.inState("answered");
    await both("anna", "boris");
    expect(desk.call).toMatchObject({ id: call, caller: { user: "anna" }, callee: { user: "boris" }, state: "answered" });
    expect(desk.call.participants!.map(({ user, device }) => [user, device])).toEqual([["anna", desk.device("anna~k3f9")], ["boris", desk.device("boris~x1")]]);
    await expect(desk.ask("vera", "hangup", { call })).rejects.toMatchObject({ code: "not-found", message: "There is no such call." });
    await desk.ask("boris", "hangup", { call });
    await desk.idle();
    await desk.ask("boris", "hangup", { call });
    expect(desk.told.at(-1)).toBe("anna>boris ended hung-up");
  });

  it("asks the chosen device to answer, and declines for all of them", async () => {
    await scene.pages.boris.evaluate(() => { window.phone.autoAnswer = false; });
    await scene.pages.anna.evaluate(() => window.phone.call("boris"));
    const call = await desk.inState("ringing");
    await until("boris's leg", () => desk.telephony.calls.get(call)!.legsOf("boris").length === 1);
    await desk.ask("boris", "answer", { call });
    expect(desk.asked).toEqual([{ user: "boris", call }]);
    await expect(desk.ask("anna", "decline", { call })).rejects.toMatchObject({ code: "conflict" });
    await desk.ask("boris", "decline", { call });
    await desk.idle();
    expect(desk.told.at(-1)).toBe("anna>boris ended declined");
  });

  it("holds and takes back, by command or by the page: both give the same state", async () => {
    const call = await talk();
    await desk.ask("anna", "hold", { call });
    await desk.inState("held");
    await hearsMusic("boris");
    expect(desk.call.participants!.map(({ user, state, holds }) => [user, state, holds ?? false])).toEqual([["anna", "talking", true], ["boris", "held", false]]);
    await desk.ask("anna", "unhold", { call });
    await both("anna", "boris");
    expect(desk.call.state).toBe("answered");
    await until("hold", () => scene.pages.anna.evaluate(() => window.phone.session.hold()));
    await desk.inState("held");
    await until("unhold", () => scene.pages.anna.evaluate(() => window.phone.session.unhold()));
    await desk.inState("answered");
    await both("anna", "boris");
    // And for the one who was called.
    await desk.ask("boris", "hold", { call });
    await hearsMusic("anna");
    await desk.ask("boris", "unhold", { call });
    await both("anna", "boris");
  });

  it("mutes in the switch", async () => {
    const call = await talk();
    await desk.ask("anna", "mute", { call, on: true });
    await hearsNot("boris", "anna");
    await hears("anna", "boris");
    expect(desk.call.participants!.map(({ muted }) => muted)).toEqual([true, false]);
    await desk.ask("anna", "mute", { call, on: false });
    await both("anna", "boris");
  });

  it("transfers blindly: the same call goes on with somebody else", async () => {
    const call = await talk();
    await desk.ask("anna", "transfer", { call, to: "103" });
    await both("boris", "vera");
    expect(desk.call).toMatchObject({ id: call, state: "answered" });
    expect(desk.told).toContain("anna left transferred");
    expect(new Set(desk.call.participants!.map(({ user }) => user))).toEqual(new Set(["boris", "vera"]));
    await desk.ask("vera", "hangup", { call });
    await desk.idle();
  });

  it("asks before it transfers: consultation, swap, and its end", async () => {
    const call = await talk();
    const { consultation } = await desk.ask("anna", "consult", { call, to: "vera" });
    await both("anna", "vera");
    await hearsMusic("boris");
    await desk.ask("anna", "swap", { call });
    await hears("boris", "anna");
    await hearsMusic("vera");
    await desk.ask("anna", "swap", { call: consultation });
    await hears("vera", "anna");
    await desk.ask("anna", "completeTransfer", { call });
    await both("boris", "vera");
    await until("one call", () => desk.telephony.calls.all.length === 1);
    expect(desk.call).toMatchObject({ id: call, state: "answered" });
    expect(desk.told).toContain("anna>vera ended merged");
    await desk.ask("boris", "hangup", { call });
    await desk.idle();
    expect(desk.told.at(-1)).toMatch(/ended hung-up$/);
  });

  it("gives a consultation up: the first call goes on", async () => {
    const call = await talk();
    await desk.ask("anna", "consult", { call, to: "vera" });
    await both("anna", "vera");
    await desk.ask("anna", "cancelTransfer", { call });
    await hears("boris", "anna");
    await until("one call", () => desk.telephony.calls.all.length === 1);
    expect(await desk.inState("answered")).toBe(call);
  });

  it("turns a call and its consultation into a conference; whoever leaves leaves, the last two go on, one alone is no call", async () => {
    const call = await talk();
    await desk.ask("anna", "consult", { call, to: "vera" });
    await both("anna", "vera");
    await desk.ask("anna", "conference", { call });
    await Promise.all([both("anna", "boris"), both("anna", "vera"), both("boris", "vera")]);
    await until("one call", () => desk.telephony.calls.all.length === 1);
    expect(new Set(desk.call.participants!.map(({ user }) => user))).toEqual(new Set(["anna", "boris", "vera"]));
    await desk.ask("boris", "mute", { call, on: true });
    await hearsNot("anna", "boris");
    await desk.ask("boris", "mute", { call, on: false });
    await desk.ask("anna", "removeParticipant", { call, user: "boris" });
    await until("boris to be out", () => desk.told.includes("boris left removed"));
    await both("anna", "vera");
    await desk.ask("vera", "hangup", { call });
    await desk.idle();
  });

  it("adds somebody to a call", async () => {
    const call = await talk();
    await desk.ask("boris", "addParticipant", { call, to: "vera" });
    await Promise.all([both("anna", "boris"), both("anna", "vera"), both("boris", "vera")]);
    expect(desk.call).toMatchObject({ id: call, state: "answered" });
    await expect(desk.ask("vera", "removeParticipant", { call, user: "anna" })).rejects.toMatchObject({ code: "forbidden" });
  });

  it("parks a call, which anybody picks up by its space", async () => {
    const call = await talk();
    const { space } = await desk.ask("anna", "park", { call });
    await hearsMusic("boris");
    expect(desk.call).toMatchObject({ id: call, state: "parked", space });
    await expect(desk.ask("vera", "pickUp", { space: space + 1 })).rejects.toMatchObject({ code: "not-found" });
    expect(await desk.ask("vera", "pickUp", { space })).toEqual({ call });
    await both("boris", "vera");
    expect(desk.call).toMatchObject({ id: call, state: "answered" });
    await desk.ask("boris", "hangup", { call });
    await desk.idle();
  });

  it("picks up a call that rings at a colleague's", async () => {
    await scene.pages.boris.evaluate(() => { window.phone.autoAnswer = false; });
    await scene.pages.anna.evaluate(() => window.phone.call("boris"));
    const call = await desk.inState("ringing");
    await until("ringing", () => desk.telephony.calls.get(call)!.legsOf("boris").length === 1);
    expect(await desk.ask("vera", "pickUp", { call })).toEqual({ call });
    await both("anna", "vera");
    await until("vera in the call", () => desk.call.callee.user === "vera" && desk.call.state === "answered");
  });

  it("moves a call to another device", async () => {
    const call = await talk();
    const second = await scene.browsers.open(1600);
    try {
      scene.stack.directory.people.push({ name: "anna", extension: "101", authName: "anna~second", password: "four" });
      const device = desk.addDevice("anna", "anna~second");
      await second.evaluate(([url, domain]) => window.phone.register(url!, domain!, "anna", "anna~second", "four"), [scene.stack.url(0), "houseline.test"]);
      await desk.ask("anna", "moveCall", { call, device });
      await until("boris to hear the other device", () => scene.pages.boris.evaluate(() => window.phone.hearsTone(1600)));
      await until("the first device to be out", async () => (await scene.pages.anna.evaluate(() => window.phone.events.map(({ what }) => what))).some((what) => what.startsWith("ended")));
      expect(desk.call).toMatchObject({ id: call, state: "answered" });
      expect(desk.call.participants!.find(({ user }) => user === "anna")!.device).toBe(device);
    } finally {
      await scene.clear();
      await second.evaluate(() => window.phone.unregister());
    }
  });

  it("lets supervisors listen, whisper and barge in, each by its permission", async () => {
    const call = await talk();
    await expect(desk.ask("vera", "supervise", { call, mode: "listen" })).rejects.toMatchObject({ code: "forbidden" });
    desk.permissions.set("vera", ["supervise.see", "supervise.listen", "supervise.whisper", "supervise.barge", "supervise.end"]);
    await desk.ask("vera", "supervise", { call, mode: "listen" });
    await Promise.all([hears("vera", "anna"), hears("vera", "boris")]);
    await Promise.all([hearsNot("anna", "vera"), hearsNot("boris", "vera")]);
    expect(desk.call.participants!.map(({ user }) => user)).toEqual(["anna", "boris"]);
    expect((await desk.ask("vera", "listCalls", {})).calls[0]!.participants!.map(({ user, role }) => [user, role])).toContainEqual(["vera", "listening"]);
    await desk.ask("vera", "supervise", { call, mode: "whisper" });
    await hears("boris", "vera");
    await hearsNot("anna", "vera");
    await desk.ask("vera", "supervise", { call, mode: "barge" });
    await Promise.all([hears("anna", "vera"), hears("boris", "vera"), both("anna", "boris")]);
    await desk.ask("vera", "endCall", { call });
    await desk.idle();
    expect(desk.told.at(-1)).toBe("anna>boris ended removed");
  });
});
