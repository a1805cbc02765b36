import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Deployment } from "../support/deployment.ts";
import { plannedOf } from "../support/engine.ts";
import { HostNetwork, noHosts, type TestHost } from "../support/host.ts";
import { OneHost } from "../support/one-host.ts";
import { remoteAddressesOf } from "../support/candidates.ts";
import { rtpBases } from "../support/ports.ts";
import { switches } from "../support/switches.ts";
import { until } from "../support/until.ts";

/** FreeSWITCH where there is a source of it, with a relay; what needs no media of calls is seen on the lab switch as well. */
const on = switches.find(({ role, skip }) => role === "freeswitch" && !skip) ?? switches[0];
const isFreeswitch = on.role === "freeswitch";

describe.skipIf(noHosts !== undefined)(`a host behind a NAT that translates its address${noHosts === undefined ? "" : ` (skipped: ${noHosts})`}, on ${on.name}`, () => {
  let deployment: Deployment;
  let network: HostNetwork;
  let host: TestHost;
  let router: TestHost;
  let scene: OneHost | undefined;

  beforeAll(async () => {
    deployment = await Deployment.prepare({ ...on.config, site: "phone.example.test" });
    network = await HostNetwork.create(deployment.stack);
    const relay = isFreeswitch ? { turn: { enabled: true }, ports: { ...deployment.ports, turnRelay: rtpBases.find((base) => base !== deployment.ports.rtp)! } } : {};
    const planned = await plannedOf({ ...on.config, ...relay });
    ({ host, router } = await network.hostBehindNat("behind-nat"));
    await host.load(planned.map(({ reference }) => reference));
    const named = (name: string) => planned.find((image) => image.name === name)!.reference;
    const ready = { appServer: named("app-server"), edge: named("edge"), sound: named("freeswitch-sound"), ...(isFreeswitch ? { turn: named("turn") } : { labSwitch: named(on.role) }) };
    await deployment.configure({ ...relay, images: ready, ...(isFreeswitch && { freeswitch: { image: named(on.role) } }) });
  });
  afterAll(async () => {
    await scene?.close();
    await network?.remove();
    await deployment?.remove();
  });

  const doctor = async () => {
    const { code, stdout, stderr, seconds } = await deployment.run("doctor");
    return { code, told: `${stdout}${stderr}`, seconds };
  };

  it("is no host without the address that it has itself, and the setting for that is told", async () => {
    const { internal, ...plain } = await host.settings();
    await deployment.configure({ hosts: { kind: "ssh", identityFile: network.identityFile, softswitch: plain } });
    const { code, told } = await doctor();
    expect([code, told]).toEqual([1, expect.stringContaining(`give that one as 'houseline:hosts.softswitch.internal': it goes out by ${internal}.`)]);
  });

  it("is deployed to, and the doctor proves that connections and media get through to it", async () => {
    scene = await OneHost.open(deployment, network, host);
    const { code, told, seconds } = await doctor();
    expect(told).toMatch(new RegExp(`found    media: 450 of 450 packets to ports .* of ${host.publicAddress.replaceAll(".", "\\.")} came back by UDP`));
    for (const what of ["the switch's edge", "the application server's edge", ...(isFreeswitch ? ["the relay"] : [])]) expect(told).toMatch(new RegExp(`found    ${what} at ${host.publicAddress} port \\d+, by TLS as phone\\.example\\.test`));
    expect(told).not.toContain("missing  media");
    console.log(`the doctor took ${seconds.toFixed(1)} s (code ${code}):\n${told}`);
    await until("the end of what answered", async () => !(await host.shell("ps -eo args")).stdout.includes("--input-type=module"));
  });

  it.each([
    ["the firewall before it lets no UDP in", () => router, "FORWARD -p udp -j DROP", "missing  media: nothing that was sent by UDP to PUBLIC"],
    ["its own firewall forgot the last slot", () => host, "INPUT -p udp --dport LAST -j DROP", "does not arrive on the host, and to ports"],
    ["its own firewall lets no UDP out", () => host, "OUTPUT -p udp -j DROP", "arrived on the host, and its answers do not come back"],
  ] as const)("the doctor says what to open when %s", async (_, where, words, sentence) => {
    const rule = words.replace("LAST", `${deployment.ports.rtp! + 2 * 5_460}:${deployment.ports.rtp! + 3 * 5_460 - 1}`);
    expect((await where().shell(`iptables -I ${rule}`)).code).toBe(0);
    try {
      const { code, told } = await doctor();
      expect([code, told]).toEqual([1, expect.stringContaining(sentence.replace("PUBLIC", host.publicAddress))]);
      expect(told).toContain(`UDP ${deployment.ports.rtp}-${deployment.ports.rtp! + 16_379}`.slice(sentence.includes("answers") ? 4 : 0));
    } finally {
      await where().shell(`iptables -D ${rule}`);
    }
  });

  it.skipIf(!isFreeswitch)("people hear each other through it by its public address, and by its relay when nothing of UDP gets to it any more", async () => {
    const people = await scene!.call();
    for (const phone of people) expect(await remoteAddressesOf(phone)).toEqual({ chosen: host.publicAddress, offered: [host.internalAddress, host.publicAddress] });
    for (const { page } of people) await page.evaluate(() => window.houseline.calls.forEach((call) => call.hangup()));
    await Promise.all(people.map((phone) => phone.idle()));
    await router.shell("iptables -I FORWARD -p udp -j DROP");
    const [anna, boris] = people;
    await anna.button("Call Boris Weber").click();
    await boris.button("Answer").click();
    await Promise.all([anna.hears(boris), boris.hears(anna)]);
    for (const phone of people) expect((await remoteAddressesOf(phone)).chosen).toBe(host.internalAddress);
  });
});
