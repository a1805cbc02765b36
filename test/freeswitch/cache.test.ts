import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SipAccount } from "../../app/protocol/wire.ts";
import { Deployment } from "../support/deployment.ts";
import { docker } from "../support/docker.ts";
import { Phones, type Phone } from "../support/phones.ts";
import { until } from "../support/until.ts";
import { SipClient } from "./sip-client.ts";
import { aptSource, skipReason } from "./stack.ts";

describe.skipIf(!aptSource)(`with the application server stopped, on FreeSWITCH${skipReason && ` (skipped: ${skipReason})`}`, () => {
  let deployment: Deployment;
  let phones: Phones;
  let anna: Phone;
  let boris: Phone;
  /** Of the session that each page has. */
  const accounts = new Map<Phone, SipAccount>();

  beforeAll(async () => {
    deployment = await Deployment.prepare({ switch: { kind: "freeswitch" } });
    await deployment.up();
    const password = await deployment.password();
    phones = await Phones.create();
    [anna, boris] = await Promise.all([phones.open(deployment.page, 440), phones.open(deployment.page, 880)]) as [Phone, Phone];
    for (const [phone, user] of [[anna, "anna"], [boris, "boris"]] as const) {
      const told = new Promise<SipAccount>((resolve) => phone.page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => {
        const account = /"sip":(\{[^}]*\})/.exec(String(payload))?.[1];
        if (account) resolve(JSON.parse(account) as SipAccount);
      })));
      await phone.page.reload();
      await phone.signIn(user, password);
      accounts.set(phone, await told);
      await phone.ready();
    }
    // Nobody has called anybody yet: the switch knows them from their signing in alone.
    await docker("stop", (await deployment.container("app-server")).id);
  });
  afterAll(async () => {
    await phones?.close();
    await deployment?.remove();
  });

  const call = (phone: Phone, to: string) => phone.page.evaluate((to) => { window.houseline.call(to); }, to);
  const answer = (phone: Phone) => until("an incoming call", () => phone.page.evaluate(() => {
    const [ringing] = window.houseline.calls;
    ringing?.answer();
    return ringing !== undefined;
  }));
  async function talk(from: Phone, to: Phone, address: string): Promise<void> {
    await call(from, address);
    await answer(to);
    await Promise.all([from.hears(to), to.hears(from)]);
    await from.page.evaluate(() => window.houseline.calls.forEach((call) => call.hangup()));
    await Promise.all([from.idle(), to.idle()]);
  }
  /** A device of its own with the account of a page's session, for registrations as short as one likes. */
  async function device(phone: Phone): Promise<SipClient> {
    const { url, domain, user, password } = accounts.get(phone)!;
    return SipClient.connect(url, { domain, name: user.split("~")[0]!, authName: user, password });
  }
  const registrations = async (user: string) => {
    const list = await docker("exec", (await deployment.container("freeswitch")).id, "fs_cli", "-x", "sofia status profile houseline reg");
    return list.split("\n").filter((line) => line.startsWith("User:") && line.includes(`${user}@`)).length;
  };

  it("people who are signed in call each other, by name and by extension, and hear each other", async () => {
    await talk(anna, boris, "boris");
    await talk(boris, anna, "101");
  });

  it("a registration that ran out is made again, and so is one whose connection broke; calls are heard both ways after it", async () => {
    const late = await device(anna);
    expect((await late.register(3)).status).toBe(200);
    await until("two devices of anna", async () => await registrations("anna") === 2);
    await until("the end of that registration", async () => await registrations("anna") === 1, 90_000);
    expect((await late.register(60)).status).toBe(200);
    expect((await late.register(0)).status).toBe(200);
    late.close();

    await docker("restart", "--time", "1", (await deployment.container("softswitch-edge")).id);
    for (const phone of [anna, boris]) await until("a broken connection", () => phone.page.evaluate(() => window.houseline.media !== "registered"));
    await Promise.all([anna.ready(), boris.ready()]);
    await talk(anna, boris, "102");
  });

  it("when it comes back it forgets nobody, and a session that is revoked can't register any more", async () => {
    await docker("start", (await deployment.container("app-server")).id);
    for (const phone of [anna, boris]) await until("the control connection", () => phone.page.evaluate(() => window.houseline.state === "online"), 60_000);
    await talk(boris, anna, "anna");
    const kept = await device(anna);
    expect((await kept.register(60)).status).toBe(200);
    await anna.page.evaluate(() => window.houseline.logout());
    await until("a refusal", async () => (await kept.register(60)).status === 403);
    const again = await device(anna);
    expect((await again.register()).status).toBe(403);
    expect((await again.invite("boris", "")).status).toBe(403);
    for (const client of [kept, again]) client.close();
  });
});
