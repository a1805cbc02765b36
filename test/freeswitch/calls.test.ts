import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Page } from "playwright-core";
import { reasonFromSip } from "../../app/client/end-reason.ts";
import { until } from "./browser.ts";
import { Scene } from "./scene.ts";
import { SipClient } from "./sip-client.ts";
import { aptSource, domain, skipReason } from "./stack.ts";

const people = {
  anna: { name: "anna", extension: "101", authName: "anna~k3f9", password: "one", hz: 2700 },
  boris: { name: "boris", extension: "102", authName: "boris~x1", password: "two", hz: 3000 },
  vera: { name: "vera", extension: "103", authName: "vera~9", password: "three", hz: 3300 },
} as const;
/** An offer of plain RTP, for one who is not going to be heard. */
const plainSdp = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", "m=audio 4000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", ""].join("\r\n");

describe.skipIf(!aptSource)(`calls through FreeSWITCH${skipReason && ` (skipped: ${skipReason})`}`, () => {
  let scene: Scene<keyof typeof people>;
  let pages: Scene<keyof typeof people>["pages"];

  beforeAll(async () => { ({ pages } = scene = await Scene.open(people)); });
  afterAll(async () => { await scene?.close(); });
  afterEach(async () => { await scene?.clear(); });

  /** A second device of Boris. */
  async function secondDevice(use: (page: Page) => Promise<void>): Promise<void> {
    const page = await scene.browsers.open(3600);
    await scene.register("boris", page);
    await scene.patient("boris");
    await page.evaluate(() => { window.phone.autoAnswer = false; });
    try {
      await scene.call("anna", "102");
      await Promise.all([scene.event("boris", "incoming"), scene.eventOf(page, "incoming")]);
      await use(page);
    } finally {
      await page.evaluate(() => window.phone.unregister());
      await page.close();
    }
  }
  /** What the client library makes of the end of a call that never was answered here. */
  const meaning = (failed: string) => reasonFromSip({ cause: /^failed (\w+)/.exec(failed)?.[1] ?? "", reasonHeader: failed });

  // First: for half a minute a switch is one that has just started.
  it("waits at its start for somebody who is still on the way to it", async () => {
    await pages.boris.evaluate(() => window.phone.unregister());
    await scene.call("anna", "102");
    await until("the call", async () => /^1 total/m.test(await scene.running.command("show channels")));
    await scene.register("boris");
    await scene.talk("anna", "boris");
  });

  it("connects two people by extension, each hears the other's tone, in Opus", async () => {
    await scene.call("anna", "102");
    await scene.talk("anna", "boris");
    expect(await scene.event("boris", "incoming")).toBe("incoming 101");
    expect(new Set(await pages.anna.evaluate(() => window.phone.codecs()))).toEqual(new Set(["audio/opus"]));
  });

  it("rings every device of a person, and the others learn that it was answered elsewhere", async () => {
    await secondDevice(async (second) => {
      await pages.boris.evaluate(() => window.phone.answer());
      const failed = await scene.eventOf(second, "failed");
      expect(failed).toBe('failed Canceled SIP;cause=200;text="Call completed elsewhere"');
      expect(meaning(failed)).toBe("answered-elsewhere");
      await scene.hears("anna", "boris");
    });
  });

  it("declined on one device is declined: the others stop, and the caller hears it", async () => {
    await secondDevice(async (second) => {
      await pages.boris.evaluate(() => window.phone.session.terminate({ status_code: 603 }));
      expect(await scene.eventOf(second, "failed", 1_000)).toMatch(/^failed Canceled/);
      await scene.hearsPrompt("anna", "houseline/declined");
      expect(await scene.event("anna", "failed")).toMatch(/^failed Rejected 603 .*text="CALL_REJECTED"/);
    });
  });

  it("a busy device leaves it to the others", async () => {
    await secondDevice(async (second) => {
      await pages.boris.evaluate(() => window.phone.session.terminate({ status_code: 486 }));
      await second.evaluate(() => window.phone.answer());
      await scene.hearsTone(pages.anna, 3600);
    });
  });

  it("plays music at 48 kHz to the one on hold, and brings the voice back", async () => {
    await scene.call("anna", "boris");
    await scene.hears("boris", "anna");
    await scene.hold("anna");
    await scene.hearsNothingOf("boris", "anna");
    await scene.hearsMusic("boris");
    // The stream of the rate that the call has, so that nothing is resampled.
    expect(await scene.running.command("local_stream show moh/48000")).toMatch(/rate:\s+48000[^]*total:\s+1\b/);
    await scene.unhold("anna");
    await scene.hears("boris", "anna");
  });

  it("lets nobody call as somebody else", async () => {
    await scene.patient("boris");
    const { vera: { authName, password } } = people;
    const forger = await SipClient.connect(scene.stack.url(0), { domain, name: "anna", authName, password });
    const outcome = forger.invite("boris", plainSdp, [`P-Asserted-Identity: "Anna" <sip:anna@${domain}>`, `Remote-Party-ID: "Anna" <sip:101@${domain}>;party=calling`, "X-Houseline-Person: anna"]);
    expect(await scene.event("boris", "incoming")).toBe("incoming 103");
    await pages.boris.evaluate(() => window.phone.session.terminate());
    await outcome;
    forger.close();
  });

  it("echoes", async () => {
    await scene.call("anna", "9196");
    await scene.hearsTone(pages.anna, people.anna.hz);
  });

  it("carries keys both ways, sent as RFC 4733 and as INFO", async () => {
    await scene.call("anna", "boris");
    await scene.talk("anna", "boris");
    await scene.presses("anna", "4", "RFC2833");
    await scene.presses("anna", "7", "INFO");
    await scene.presses("boris", "5", "RFC2833");
    await scene.presses("boris", "9", "INFO");
    const keys = (page: Page) => until("two keys", async () => {
      const found = (await scene.events(page)).filter((what) => what.startsWith("dtmf"));
      return found.length === 2 && found.sort();
    });
    expect(await keys(pages.boris)).toEqual(["dtmf 4", "dtmf 7"]);
    expect(await keys(pages.anna)).toEqual(["dtmf 5", "dtmf 9"]);
  });

  it("drains: a call in progress keeps hold and consultation, strangers get 503, and it is gone within 6 s", async () => {
    await scene.call("anna", "boris");
    await scene.hears("boris", "anna");
    await scene.running.terminate();
    await until("draining", async () => (await scene.running.logs()).includes("draining"));
    // Pages that have not moved yet are not refused at once.
    await until("refusing", async () => (await scene.running.command("global_getvar houseline_refusing")).includes("true"));

    await scene.call("vera", "boris");
    expect(await scene.event("vera", "failed")).toMatch(/503/);

    await scene.hold("anna");
    await scene.hearsNothingOf("boris", "anna");
    await scene.hearsMusic("boris");
    await scene.call("anna", "103");
    await scene.hears("anna", "vera");
    await scene.hangUp("anna");
    await scene.unhold("anna", -2);
    await scene.hears("boris", "anna");

    await scene.hangUp("anna", -2);
    const { milliseconds, code } = await scene.running.ended(15_000);
    console.log(`last hang-up to container gone: ${milliseconds} ms`);
    expect(code).toBe(0);
    expect(milliseconds).toBeLessThan(6_000);
  });

  it("with the directory gone, people who signed in call each other and sign in again", async () => {
    await scene.restart();
    for (const name of ["anna", "boris"] as const) await scene.register(name);
    await scene.call("anna", "102");
    await scene.hears("boris", "anna");
    await scene.running.command("hupall");
    await scene.stack.directory.close();
    await scene.register("anna");
    await scene.call("anna", "102");
    await scene.talk("anna", "boris");
    await scene.hangUp("anna");
    // Nobody has asked the directory about this room: it is open to everybody.
    await scene.call("anna", "room-blue");
    await scene.hearsPrompt("anna", "conference/conf-alone");
  });
});
