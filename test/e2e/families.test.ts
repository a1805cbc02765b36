import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { remoteAddressesOf } from "../support/candidates.ts";
import { Deployment, root } from "../support/deployment.ts";
import { Link, noLink } from "../support/link.ts";
import { Phones, type Phone } from "../support/phones.ts";
import { switches } from "../support/switches.ts";

const site = "phone.example.test";
/** FreeSWITCH where there is a source of it; what needs no media of calls is seen on the lab switch as well. */
const on = switches.find(({ role, skip }) => role === "freeswitch" && !skip) ?? switches[0];

describe.skipIf(noLink !== undefined)(`a host of several addresses, one of them of IPv6${noLink === undefined ? "" : ` (skipped: ${noLink})`}, on ${on.name}`, () => {
  let link: Link;
  let deployment: Deployment;
  let phones: Phones;

  beforeAll(async () => {
    link = await Link.create();
    deployment = await Deployment.prepare({ ...on.config, site, addresses: { edge: link.address, public: link.address, public6: link.address6 } });
    await deployment.up();
    phones = await Phones.create();
  });
  afterAll(async () => {
    await phones?.close();
    await deployment?.remove();
    await link?.remove();
  });

  it("its edges listen on the addresses that are configured, of both families, and on no other", async () => {
    const open = async (address: string) => (await Promise.all([deployment.ports.applicationEdge!, deployment.ports.switchEdge!].map((port) => connects(address, port))));
    expect([await open(link.address), await open(link.address6)]).toEqual([[true, true], [true, true]]);
    expect([await open(link.otherAddress), await open("127.0.0.1"), await open("::1")]).toEqual([[false, false], [false, false], [false, false]]);
  });

  describe.skipIf(on.role !== "freeswitch")("people who have IPv4, and such who have IPv6 alone", () => {
    let anna: Phone;
    let boris: Phone;

    const enter = async (user: string, hz: number, address: string, namespace?: string) => {
      const at = { names: { [site]: address }, root: join(root, ".houseline/stacks", deployment.stack, "authority/root.crt") };
      const phone = await phones.open(`https://${site}:${deployment.ports.applicationEdge}/`, hz, { at, ...(namespace !== undefined && { namespace }) });
      await phone.signIn(user, await deployment.password());
      await phone.ready();
      return phone;
    };
    const hear = () => Promise.all([anna.hears(boris), boris.hears(anna)]);

    beforeAll(async () => {
      [anna, boris] = await Promise.all([enter("anna", 440, link.address), enter("boris", 880, `[${link.address6}]`, link.namespace)]);
    });
    afterEach(async () => {
      for (const phone of [anna, boris]) await phone.page.evaluate(() => window.houseline.calls.forEach((call) => call.hangup()));
      await Promise.all([anna.idle(), boris.idle()]);
    });

    it.each([["the one calls", () => [anna, boris, "Boris Weber"] as const], ["the other calls", () => [boris, anna, "Anna Petrova"] as const]])("hear each other when %s, each by the one address of their family", async (_, who) => {
      const [from, to, name] = who();
      await from.button(`Call ${name}`).click();
      await to.button("Answer").click();
      await hear();
      expect(await remoteAddressesOf(anna)).toEqual({ chosen: link.address, offered: [link.address] });
      expect(await remoteAddressesOf(boris)).toEqual({ chosen: link.address6, offered: [link.address6] });
    });

    it("who has both sends media as they came: by IPv6, call for call", async () => {
      const clara = await enter("clara", 1_320, `[${link.address6}]`);
      for (const [peer, name] of [[anna, "Anna Petrova"], [boris, "Boris Weber"], [anna, "Anna Petrova"]] as const) {
        await clara.button(`Call ${name}`).click();
        await peer.button("Answer").click();
        await Promise.all([clara.hears(peer), peer.hears(clara)]);
        expect((await remoteAddressesOf(clara)).chosen).toBe(link.address6);
        await clara.button("Hang up").click();
        await Promise.all([clara.idle(), peer.idle()]);
      }
    });

    it("come back into their call when their page is loaded again", async () => {
      await anna.button("Call Boris Weber").click();
      await boris.button("Answer").click();
      await hear();
      await boris.page.reload();
      await hear();
    });
  });
});

function connects(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2_000 });
    const end = (reached: boolean) => { socket.destroy(); resolve(reached); };
    socket.on("connect", () => end(true)).on("error", () => end(false)).on("timeout", () => end(false));
  });
}
