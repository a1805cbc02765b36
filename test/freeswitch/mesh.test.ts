import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { until } from "./browser.ts";
import { Scene } from "./scene.ts";
import { comeBackBusy, cutOff, SipClient } from "./sip-client.ts";
import { aptSource, dockerRun, domain, secrets, skipReason, type Host, type Switch } from "./stack.ts";

const people = {
  anna: { name: "anna", extension: "101", authName: "anna~k3f9", password: "one", hz: 2700 },
  boris: { name: "boris", extension: "102", authName: "boris~x1", password: "two", hz: 3000 },
  vera: { name: "vera", extension: "103", authName: "vera~9", password: "three", hz: 3300 },
} as const;
const others = [{ name: "gleb", extension: "104", authName: "gleb~1", password: "four" }];
const plainSdp = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", "m=audio 4000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", ""].join("\r\n");

describe.skipIf(!aptSource)(`the mesh between switches on FreeSWITCH${skipReason && ` (skipped: ${skipReason})`}`, () => {
  let scene: Scene<keyof typeof people>;
  /** Slot 0, where Anna and Vera are, and slot 1, where Boris is. */
  let first: Switch;
  let second: Switch;

  beforeAll(async () => {
    scene = await Scene.open(people, { others, settings: { HOUSELINE_PEERS: "127.0.0.1 127.0.0.2" } });
    first = scene.running;
    second = await scene.stack.start({ HOUSELINE_PEERS: "127.0.0.1 127.0.0.2" });
    await second.healthy();
    await move("boris", 1);
    await Promise.all([knows(first, 1), knows(second, 0)]);
  });
  afterAll(async () => { await scene?.close(); });
  afterEach(async () => {
    await second?.command("hupall").catch(() => undefined);
    await scene?.clear();
  });

  /** The person is registered there and nowhere else. */
  async function move(name: keyof typeof people, slot: number, host: Host = 1): Promise<void> {
    await scene.pages[name].evaluate(() => window.phone.unregister());
    await scene.register(name, scene.pages[name], slot, host);
  }
  const knows = (one: Switch, slot: number, host: Host = 1) =>
    until(`slot ${slot} of host ${host} seen`, async () => (await one.command("global_getvar houseline_mesh")).includes(`@127.0.0.${host}:${scene.stack.ports(slot).sip}^`));
  const channels = async (one: Switch) => (JSON.parse(await one.command("show channels as json")) as { rows?: Record<string, string>[] }).rows ?? [];
  const spaces = async (one: Switch) => [...(await one.command("valet_info houseline")).matchAll(/<extension[^>]*>([^<]+)</g)].map(([, space = ""]) => space);

  it("connects people of two slots, who hear each other in Opus from end to end, and the callee sees who calls", async () => {
    await scene.call("anna", "102");
    await scene.talk("anna", "boris");
    expect(await scene.event("boris", "incoming")).toBe("incoming 101");
    // FreeSWITCH writes its list a moment later.
    const legs = await until("four legs with a codec", async () => {
      const all = [...await channels(first), ...await channels(second)];
      return all.length === 4 && all.every(({ read_codec }) => read_codec) && all;
    });
    expect(legs.map(({ name }) => name?.split("/")[1]).sort()).toEqual(["houseline", "houseline", "mesh", "mesh"]);
    for (const leg of legs) expect([leg.read_codec, leg.write_codec, leg.read_rate], leg.name).toEqual(["opus", "opus", "48000"]);
    // What the application server knows the call by: the mesh leg of the caller's switch is the callee's.
    expect(legs.find(({ name, direction }) => name?.startsWith("sofia/mesh/") && direction === "outbound")?.presence_id).toBe("boris@houseline.test");
  });

  it("keeps its secret out of variables, events, logs, processes and what Docker shows", async () => {
    await scene.call("anna", "102");
    await scene.talk("anna", "boris");
    const seen: string[] = [];
    for (const one of [first, second]) {
      for (const { uuid } of await channels(one)) seen.push(await one.command(`uuid_dump ${uuid}`));
      seen.push(await one.logs(), await one.inspect("{{json .Config}}"), await dockerRun("top", one.name, "-eo", "pid,args"), await one.command("global_getvar"));
    }
    const text = seen.join("\n");
    expect(text).toMatch(/variable_sip_h_X-Houseline-Person: anna/i);
    expect(text).not.toContain(secrets["mesh-password"]);
  });

  it("says who calls by who authenticated, whatever the browser claims", async () => {
    const forger = await SipClient.connect(scene.stack.url(0), { domain, name: "anna", authName: people.vera.authName, password: people.vera.password });
    const callee = await SipClient.connect(scene.stack.url(1), { domain, ...others[0]! });
    await callee.register();
    const invited = callee.next("the call", ({ start }) => start.startsWith("INVITE"));
    const outcome = forger.invite("gleb", plainSdp, ["X-Houseline-Person: anna", "X-Houseline-Call: 11111111-1111-1111-1111-111111111111", 'P-Asserted-Identity: "Anna" <sip:101@x>']);
    const invite = await invited;
    expect(invite.headers.get("from")?.[0]).toMatch(/^"vera" <sip:103@/);
    // The list of channels comes a moment after them.
    const arrived = await until("the far leg", async () => (await channels(second)).find(({ name }) => name?.startsWith("sofia/mesh/")));
    expect(await second.command(`uuid_getvar ${arrived.uuid} houseline_person`)).toBe("vera");
    const begun = await until("the caller's leg", async () => (await channels(first)).find(({ direction }) => direction === "inbound"));
    expect(invite.headers.get("x-houseline-call")).toEqual([begun.uuid]);
    callee.reply(invite, "486 Busy Here");
    await outcome;
    await callee.register(0);
    for (const client of [forger, callee]) client.close();
  });

  it("carries hold with music, keys both ways, and a transfer back to the first slot", async () => {
    await scene.call("anna", "boris");
    await scene.talk("anna", "boris");
    await scene.presses("anna", "5");
    await scene.event("boris", "dtmf 5");
    await scene.presses("boris", "7");
    await scene.event("anna", "dtmf 7");
    await scene.hold("anna");
    await scene.hearsNothingOf("boris", "anna");
    await scene.hearsMusic("boris");
    await scene.unhold("anna");
    await scene.hears("boris", "anna");
    await scene.transfer("boris", "103");
    await scene.talk("anna", "vera");
    expect(await scene.event("vera", "incoming")).toBe("incoming 101");
  });

  it("rings a person who is registered in both slots at both, and the other stops when one answers", async () => {
    const page = await scene.browsers.open(3600);
    await scene.register("boris", page, 0);
    await scene.patient("boris");
    await page.evaluate(() => { window.phone.autoAnswer = false; });
    await scene.call("anna", "boris");
    await Promise.all([scene.event("boris", "incoming"), scene.eventOf(page, "incoming")]);
    await scene.pages.boris.evaluate(() => window.phone.answer());
    expect(await scene.eventOf(page, "failed")).toMatch(/^failed Canceled/);
    await scene.talk("anna", "boris");
    await page.evaluate(() => window.phone.unregister());
    await page.close();
  });

  it("tells the caller the reason of the far slot, and asks each peer once, never from mesh to mesh", async () => {
    await scene.patient("boris");
    const fails = async (to: string, status?: number) => {
      await scene.call("anna", to);
      if (status !== undefined) {
        await scene.event("boris", "incoming");
        await scene.pages.boris.evaluate((status) => { window.phone.session.terminate({ status_code: status }); window.phone.events.length = 0; }, status);
      }
      const failed = await scene.event("anna", "failed");
      await scene.clear();
      await scene.patient("boris");
      return failed;
    };
    expect(await fails("boris", 486)).toMatch(/^failed Busy 486 .*cause=17/);
    expect(await fails("boris", 603)).toMatch(/^failed Rejected 603 .*cause=21/);
    const asked = async () => (await second.logs()).match(/New Channel \S+/g) ?? [];
    const before = await asked();
    expect(await fails("gleb")).toMatch(/^failed Unavailable 480 .*USER_NOT_REGISTERED/);
    expect((await asked()).slice(before.length)).toEqual(["New Channel sofia/mesh/101@127.0.0.1"]);
  });

  it("rings somebody whose connection to the first slot was just cut off at the second, where they come back", async () => {
    await cutOff(scene.stack.url(0), { domain, ...others[0]! });
    await scene.call("anna", "gleb");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await comeBackBusy(scene.stack.url(1), { domain, ...others[0]! });
    expect(await scene.event("anna", "failed")).toMatch(/^failed Busy 486/);
  });

  it("finds a room where it is open, and opens a new one where it is asked for", async () => {
    await scene.call("anna", "room-blue");
    await until("the room", async () => (await first.command("conference list")).includes("blue"));
    await scene.call("boris", "room-blue");
    await scene.talk("anna", "boris");
    expect(await second.command("conference list")).not.toContain("blue");
    await scene.call("vera", "room-blue");
    await scene.talk("vera", "boris");
    await scene.hangUp("boris");
    await scene.call("boris", "room-green");
    await until("the other room", async () => (await second.command("conference list")).includes("green"));
  });

  it("picks a parked call up from another slot", async () => {
    await scene.call("anna", "vera");
    await scene.talk("anna", "vera");
    await scene.transfer("anna", "park");
    await until("the call parked", async () => (await spaces(first)).length === 1);
    await scene.call("boris", "pickup");
    await scene.talk("boris", "vera");
    expect(await spaces(second)).toEqual([]);
    await scene.clear();
    await scene.call("anna", "vera");
    await scene.talk("anna", "vera");
    await scene.transfer("anna", "park-7");
    await until("the call parked", async () => (await spaces(first)).includes("7"));
    await scene.call("boris", "pickup-7");
    await scene.talk("boris", "vera");
  });

  it("reaches the slots of another host, by the peers it was told", async () => {
    const elsewhere = await scene.stack.start({ HOUSELINE_PEERS: "127.0.0.1 127.0.0.2" }, 2);
    try {
      await elsewhere.healthy();
      await Promise.all([knows(first, 0, 2), knows(elsewhere, 0)]);
      await move("vera", 0, 2);
      await scene.call("anna", "103");
      await scene.talk("anna", "vera");
      await scene.hangUp("anna");
      await scene.call("vera", "boris");
      await scene.talk("vera", "boris");
      expect(await scene.event("boris", "incoming")).toBe("incoming 103");
    } finally {
      await elsewhere.remove();
      await scene.register("vera");
    }
    // A peer that is gone holds nobody up.
    await until("host 2 gone", async () => !(await first.command("global_getvar houseline_mesh")).includes("127.0.0.2"));
  });
});
