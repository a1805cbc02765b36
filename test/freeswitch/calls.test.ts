import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Browsers, until } from "./browser.ts";
import { type Person } from "./directory.ts";
import { SipClient } from "./sip-client.ts";
import { aptSource, buildImages, domain, removeLeftovers, skipReason, Stack, type Switch } from "./stack.ts";

const people = {
  anna: { name: "anna", extension: "101", authName: "anna~k3f9", password: "one", hz: 700 },
  boris: { name: "boris", extension: "102", authName: "boris~x1", password: "two", hz: 1000 },
  vera: { name: "vera", extension: "103", authName: "vera~9", password: "three", hz: 1300 },
} satisfies Record<string, Person & { hz: number }>;
const others: Person[] = [
  { name: "gleb", extension: "104", authName: "gleb~1", password: "four" },
  { name: "dora", extension: "105", authName: "dora~1", password: "five", doNotDisturb: true },
];
/** An offer of plain RTP, for one who is not going to be heard. */
const plainSdp = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", "m=audio 4000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", ""].join("\r\n");
type Name = keyof typeof people;

describe.skipIf(!aptSource)(`calls through FreeSWITCH${skipReason && ` (skipped: ${skipReason})`}`, () => {
  let stack: Stack;
  let running: Switch;
  let browsers: Browsers;
  let anna: Page;
  let boris: Page;
  let vera: Page;

  beforeAll(async () => {
    await removeLeftovers();
    await buildImages();
    stack = await Stack.create([...Object.values(people), ...others]);
    running = await stack.start();
    browsers = await Browsers.start();
    await running.healthy();
    [anna, boris, vera] = await Promise.all([browsers.open(people.anna.hz), browsers.open(people.boris.hz), browsers.open(people.vera.hz)]) as [Page, Page, Page];
    for (const [name, page] of [["anna", anna], ["boris", boris], ["vera", vera]] as const) await register(page, name);
  });
  afterAll(async () => {
    await browsers?.close();
    await stack?.close();
  });
  afterEach(async () => {
    await running?.command("hupall").catch(() => undefined);
    for (const page of [anna, boris, vera]) await page?.evaluate(() => { window.phone.events.length = 0; window.phone.autoAnswer = true; });
    await new Promise((resolve) => setTimeout(resolve, 300));
  });

  async function register(page: Page, name: Name, slot = 0, as: string = name): Promise<void> {
    const { authName, password } = people[name];
    await page.evaluate(([url, domain, user, auth, secret]) => window.phone.register(url, domain, user, auth, secret),
      [stack.url(slot), domain, as, authName, password] as const);
  }
  const call = (page: Page, to: string) => page.evaluate((to) => window.phone.call(to), to);
  const hears = (page: Page, hz: number) => until(`a tone of ${hz} Hz`, () => page.evaluate((hz) => window.phone.hearsTone(hz), hz));
  const hearsNo = (page: Page, hz: number) => until(`no tone of ${hz} Hz`, () => page.evaluate((hz) => !window.phone.hearsTone(hz), hz));
  const events = (page: Page) => page.evaluate(() => window.phone.events.map(({ what }) => what));
  const event = (page: Page, start: string, milliseconds?: number) =>
    until(`event "${start}"`, async () => (await events(page)).find((what) => what.startsWith(start)), milliseconds);
  /** JsSIP refuses a change while the one before it is under way. */
  const hold = async (page: Page, at = -1) => {
    await until("hold", () => page.evaluate((at) => window.phone.sessions.at(at)?.hold(), at));
    await until("held", () => page.evaluate((at) => window.phone.sessions.at(at)?.isOnHold().local && window.phone.sessions.at(at)?.isReadyToReOffer(), at));
  };
  const unhold = (page: Page, at = -1) => until("unhold", () => page.evaluate((at) => window.phone.sessions.at(at)?.unhold(), at));
  const quietMusic = (page: Page) => page.evaluate(() => window.phone.hears().db);

  it("connects two people by extension, each hears the other's tone, in Opus", async () => {
    await call(anna, "102");
    await Promise.all([hears(anna, people.boris.hz), hears(boris, people.anna.hz)]);
    expect(await event(boris, "incoming")).toBe("incoming 101");
    expect(new Set(await anna.evaluate(() => window.phone.codecs()))).toEqual(new Set(["audio/opus"]));
  });

  it("plays music to the one on hold, and brings the voice back", async () => {
    await call(anna, "boris");
    await hears(boris, people.anna.hz);
    await hold(anna);
    await hearsNo(boris, people.anna.hz);
    await until("music", async () => await quietMusic(boris) > -60);
    await unhold(anna);
    await hears(boris, people.anna.hz);
  });

  it("ends each failed call with a reason of its own", async () => {
    await boris.evaluate(() => { window.phone.autoAnswer = false; });
    const outcome = async (to: string, act?: () => Promise<unknown>) => {
      await anna.evaluate(() => { window.phone.events.length = 0; });
      await call(anna, to);
      await act?.();
      return event(anna, "failed");
    };
    const decline = (status: number) => async () => {
      await event(boris, "incoming");
      await boris.evaluate((status) => { window.phone.session.terminate({ status_code: status }); window.phone.events.length = 0; }, status);
    };
    const found = {
      busy: await outcome("boris", decline(486)), declined: await outcome("boris", decline(603)), unknown: await outcome("199"), offline: await outcome("gleb"),
      disturb: await outcome("dora"),
    };
    expect(found.busy).toMatch(/^failed Busy 486 .*cause=17/);
    expect(found.declined).toMatch(/^failed Rejected 603 .*cause=21/);
    expect(found.unknown).toMatch(/^failed Not Found 404 .*cause=1;/);
    expect(found.offline).toMatch(/^failed Unavailable 480 .*USER_NOT_REGISTERED/);
    expect(found.disturb).toMatch(/^failed Unavailable 480/);
    expect(new Set(Object.values(found)).size).toBe(5);
  });

  it("rings every device of a person, and the others stop when one answers", async () => {
    const second = await browsers.open(1600);
    await register(second, "boris");
    await Promise.all([boris, second].map((page) => page.evaluate(() => { window.phone.autoAnswer = false; })));
    await call(anna, "102");
    await Promise.all([event(boris, "incoming"), event(second, "incoming")]);
    await boris.evaluate(() => window.phone.answer());
    expect(await event(second, "failed")).toMatch(/^failed Canceled/);
    await hears(anna, people.boris.hz);
    await second.evaluate(() => window.phone.unregister());
  });

  it("lets nobody call as somebody else", async () => {
    await boris.evaluate(() => { window.phone.autoAnswer = false; });
    const { vera: { authName, password } } = people;
    const forger = await SipClient.connect(stack.url(0), { domain, name: "anna", authName, password });
    const outcome = forger.invite("boris", plainSdp, [`P-Asserted-Identity: "Anna" <sip:anna@${domain}>`, `Remote-Party-ID: "Anna" <sip:101@${domain}>;party=calling`, "X-Houseline-Person: anna"]);
    expect(await event(boris, "incoming")).toBe("incoming 103");
    await boris.evaluate(() => window.phone.session.terminate());
    await outcome;
    forger.close();
  });

  it("echoes, carries DTMF, and transfers blindly", async () => {
    await call(anna, "9196");
    await hears(anna, people.anna.hz);
    await running.command("hupall");
    await call(anna, "boris");
    await hears(boris, people.anna.hz);
    await anna.evaluate(() => window.phone.session.sendDTMF("5"));
    await anna.evaluate((domain) => window.phone.session.refer(`sip:103@${domain}`), domain);
    await hears(vera, people.boris.hz);
    await hears(boris, people.vera.hz);
  });

  it("mixes three people in a room", async () => {
    for (const page of [anna, boris, vera]) await call(page, "room-blue");
    await Promise.all([hears(anna, people.boris.hz), hears(anna, people.vera.hz), hears(boris, people.anna.hz), hears(vera, people.anna.hz)]);
    await hearsNo(anna, people.anna.hz);
  });

  it("parks a call, which anybody may pick up", async () => {
    await call(anna, "boris");
    await hears(boris, people.anna.hz);
    await anna.evaluate((domain) => window.phone.session.refer(`sip:park-7@${domain}`), domain);
    await hearsNo(boris, people.anna.hz);
    await call(vera, "park-7");
    await hears(vera, people.boris.hz);
    await hears(boris, people.vera.hz);
  });

  it("drains: a call in progress keeps hold and consultation, strangers get 503, and it is gone within 6 s", async () => {
    await call(anna, "boris");
    await hears(boris, people.anna.hz);
    await running.terminate();
    await until("draining", async () => (await running.logs()).includes("draining"));
    await new Promise((resolve) => setTimeout(resolve, 1_000));

    await call(vera, "boris");
    expect(await event(vera, "failed")).toMatch(/503/);

    await hold(anna);
    await hearsNo(boris, people.anna.hz);
    await until("music", async () => await quietMusic(boris) > -60);
    await call(anna, "103");
    await hears(anna, people.vera.hz);
    await anna.evaluate(() => window.phone.session.terminate());
    await unhold(anna, -2);
    await hears(boris, people.anna.hz);

    await anna.evaluate(() => window.phone.sessions.at(-2)?.terminate());
    const { milliseconds, code } = await running.ended(15_000);
    console.log(`last hang-up to container gone: ${milliseconds} ms`);
    expect(code).toBe(0);
    expect(milliseconds).toBeLessThan(6_000);
  });

  it("with the directory gone, people who signed in call each other and sign in again", async () => {
    running = await stack.start();
    await running.healthy();
    const slot = await running.slot();
    for (const [name, page] of [["anna", anna], ["boris", boris]] as const) await register(page, name, slot);
    await call(anna, "102");
    await hears(boris, people.anna.hz);
    await running.command("hupall");
    await stack.directory.close();
    await register(anna, "anna", slot);
    await call(anna, "102");
    await Promise.all([hears(anna, people.boris.hz), hears(boris, people.anna.hz)]);
  });
});
