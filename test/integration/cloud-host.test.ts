import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runMark } from "../../cli/leftovers.ts";
import { cloudConfig } from "../../pulumi/hcloud/cloud-init.ts";
import { firewallRules } from "../../pulumi/hcloud/firewall.ts";
import { readSettings } from "../../pulumi/settings.ts";
import { docker } from "../support/docker.ts";
import { HostNetwork, noHosts, type TestHost } from "../support/host.ts";
import { nftRules } from "../support/nftables.ts";
import { until } from "../support/until.ts";

const hostKey = { publicKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBf3", privateKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n-----END OPENSSH PRIVATE KEY-----\n" };
const { ports } = readSettings({}, {}, "x");

describe.skipIf(noHosts !== undefined)(`a host of Hetzner Cloud, as far as a machine of the tests can be one${noHosts === undefined ? "" : ` (skipped: ${noHosts})`}`, () => {
  let network: HostNetwork;
  let host: TestHost;

  beforeAll(async () => {
    network = await HostNetwork.create(`test-${process.env[runMark] ?? process.pid}-${randomBytes(3).toString("hex")}`);
    host = await network.host("cloud", "cloud");
  });
  afterAll(() => network?.remove());

  it.each([["one of two", "10.20.0.2"], ["one alone", undefined]])("its first start, as %s, is what Debian's cloud-init takes", async (_, privateAddress) => {
    await host.write("/tmp/user-data", cloudConfig({ ...(privateAddress === undefined ? {} : { privateAddress }), hostKey }));
    const { code, stdout } = await host.shell("cloud-init schema --config-file /tmp/user-data 2>&1");
    expect([code, stdout]).toEqual([0, expect.stringContaining("Valid")]);
    await host.write("/tmp/broken", "#cloud-config\nwrite_files: yes\n");
    expect((await host.shell("cloud-init schema --config-file /tmp/broken 2>&1")).code).not.toBe(0);
  });

  it("its firewall's rules, in the kernel of the machine, let in what they name and nothing else", async () => {
    const tcp = [ports.switchEdge, ports.applicationEdge, ports.sipWs, ports.esl, ports.app, ports.directory, ports.turn, ports.turnTls];
    const udp = [ports.rtp, ports.rtp + 16_379, ports.sip];
    await host.write("/tmp/listen.pl", listener(tcp, udp));
    await docker("exec", "--detach", host.id, "perl", "/tmp/listen.pl");
    const reached = async () => ({
      tcp: (await Promise.all([22, ...tcp].map(async (port) => await connects(host.publicAddress, port) ? port : 0))).filter(Boolean),
      udp: (await Promise.all(udp.map(async (port) => await answers(host.publicAddress, port) ? port : 0))).filter(Boolean),
    });
    await until("everything to be reached without a firewall", async () => { const { tcp: open, udp: media } = await reached(); return open.length === tcp.length + 1 && media.length === udp.length; });

    const from = host.publicAddress.replace(/\d+$/, "1/32");
    for (const [servers, sshFrom, wanted] of [
      ["softswitch", from, { tcp: [22, ports.switchEdge], udp: [ports.rtp, ports.rtp + 16_379] }],
      ["application", from, { tcp: [22, ports.applicationEdge], udp: [] }],
      ["both", "192.0.2.0/24", { tcp: [ports.switchEdge, ports.applicationEdge], udp: [ports.rtp, ports.rtp + 16_379] }],
      ["softswitch with a relay", from, { tcp: [22, ports.switchEdge, ports.turn, ports.turnTls], udp: [ports.rtp, ports.rtp + 16_379] }],
    ] as const) {
      const [which, relay] = servers === "softswitch with a relay" ? ["softswitch", true] as const : [servers, false] as const;
      await host.write("/tmp/rules", `flush ruleset\n${nftRules(firewallRules(which, ports, [sshFrom, "2001:db8::/48"], relay))}`);
      expect((await host.shell("nft -f /tmp/rules 2>&1")).stdout).toBe("");
      expect(await reached(), servers).toEqual(wanted);
    }
  });
});

/** Answers on these ports with what it got, on perl-base. */
const listener = (tcp: readonly number[], udp: readonly number[]) => `use IO::Socket::INET;
for my $port (${udp.join(", ")}) {
  next if fork;
  my $socket = IO::Socket::INET->new(LocalPort => $port, Proto => "udp") or die;
  while (1) { my $peer = $socket->recv(my $data, 1500); send($socket, $data, 0, $peer); }
}
my @open = map { IO::Socket::INET->new(LocalPort => $_, Proto => "tcp", Listen => 5, ReuseAddr => 1) or die } (${tcp.join(", ")});
sleep 3600;
`;

function connects(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1_000 });
    const end = (reached: boolean) => { socket.destroy(); resolve(reached); };
    socket.on("connect", () => end(true)).on("error", () => end(false)).on("timeout", () => end(false));
  });
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    const end = (reached: boolean) => { clearTimeout(timer); socket.close(); resolve(reached); };
    const timer = setTimeout(() => end(false), 1_000);
    socket.on("message", () => end(true)).on("error", () => end(false));
    socket.send("media", port, host);
  });
}
