import { describe, expect, it } from "vitest";
import { serverContainer } from "./app-server.ts";
import { data, service } from "./containers.ts";
import { edgeContainer } from "./edge.ts";
import { readSettings } from "./settings.ts";
import { switchContainer } from "./softswitch.ts";
import { turnContainer } from "./turn.ts";
import { containerViolations, firewallViolations } from "./violations.ts";

const settings = readSettings({}, {}, "a test");
const host = { privateAddress: "127.0.0.1", publicAddress: "127.0.0.1" };
const images = { switch: "houseline/freeswitch:1", sound: "houseline/freeswitch-sound:1", edge: "houseline/edge:1", secrets: "houseline/secrets:1", appServer: "houseline/app-server:1", turn: "houseline/turn:1" };
const facts = new Map(Object.values(images).map((image) => [image, { hasHealthcheck: true }]));
const plan = switchContainer({ stack: "x", settings, host, images, choice: { kind: "freeswitch", why: "" }, directoryUrls: [], peers: [], voicemailDirectory: "/v" });
const switchProps = service(plan);
const check = (change: Record<string, unknown>) => containerViolations("freeswitch", { ...switchProps, ...change }, facts);
const withVariable = (name: string, value: string) => ({ envs: switchProps.envs.map((line) => (line.startsWith(`${name}=`) ? `${name}=${value}` : line)) });

describe("the guard rails", () => {
  it("let through every container that this program declares", () => {
    const server = serverContainer({ stack: "x", settings, site: settings.site, host, images, switches: [], turnUrls: [], dataDirectory: "/d" });
    const edges = (["switch", "application"] as const).map((kind) => edgeContainer({ stack: "x", role: kind, kind, image: images.edge, healthySeconds: 60, site: "localhost", address: "127.0.0.1", port: 8080, upstreams: 10_022 }));
    const relay = turnContainer({ stack: "x", settings, host, images, peers: ["203.0.113.7"] });
    for (const each of [plan, server, relay, ...edges]) expect(containerViolations(each.role, service(each), facts), each.role).toEqual([]);
    expect(containerViolations("secrets", data("x", "secrets", images.secrets), facts)).toEqual([]);
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ["the event socket on a public address", withVariable("HOUSELINE_PRIVATE_IP", "203.0.113.7"), /HOUSELINE_PRIVATE_IP is 203\.0\.113\.7: the event socket/],
    ["a port published to everybody", { ports: [{ internal: 8021, external: 8021 }] }, /'ports' publishes 8021 on every address/],
    ["no user", { user: undefined }, /'user' is not set: it would run as root/],
    ["the user root", { user: "0:0" }, /'user' is '0:0'/],
    ["a privileged container", { privileged: true }, /'privileged' is true/],
    ["added capabilities", { capabilities: { adds: ["NET_ADMIN"], drops: ["ALL"] } }, /'capabilities\.adds'/],
    ["capabilities kept", { capabilities: undefined }, /'capabilities\.drops' has no ALL/],
    ["new privileges", { securityOpts: [] }, /no-new-privileges/],
    ["a root that can be written", { readOnly: false }, /'readOnly' is not true/],
    ["a health check that is switched off", { healthcheck: { tests: ["NONE"] } }, /has a health check/],
    ["health that nobody waits for", { wait: false }, /'wait' is not true/],
    ["no time to stop", { stopTimeout: undefined }, /'stopTimeout' is not set: there is no limit/],
    ["no grace when it is removed", { destroyGraceSeconds: 0 }, /'destroyGraceSeconds' is 0/],
    ["less time than a drain may take", { stopTimeout: 60 }, /'stopTimeout' is 60 s and its drain may take 3600 s/],
    ["an image by a moving tag", { image: "houseline/freeswitch:latest" }, /'image' is houseline\/freeswitch:latest/],
    ["an image without a tag", { image: "houseline/freeswitch" }, /another image tomorrow/],
    ["a registry's image by a tag", { image: "registry.example.com:5000/team/freeswitch:1.11.1" }, /another image tomorrow/],
  ])("refuse %s, and say where", (_, change, sentence) => {
    const found = check(change);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(sentence);
    expect(found[0]).toMatch(/^Container freeswitch: /);
  });

  it("refuse an image without a health check, and one of a registry is let through by its digest", () => {
    expect(containerViolations("freeswitch", switchProps, new Map([[images.switch, { hasHealthcheck: false }]]))[0]).toContain("neither 'healthcheck' nor the image houseline/freeswitch:1");
    expect(check({ image: `registry.example.com/freeswitch@sha256:${"0".repeat(64)}` })).toEqual([]);
  });

  it.each(["", "0.0.0.0", "10.0.0.0/8", "203.0.113.7 10.0.0.0-10.255.255.255"])("refuse a relay that forwards to '%s'", (peers) => {
    const props = service(turnContainer({ stack: "x", settings, host, images, peers: peers.split(" ") }));
    expect(containerViolations("turn", props, facts)).toEqual([expect.stringContaining(`Container turn: HOUSELINE_TURN_PEERS is '${peers}'`)]);
  });

  it("refuse a firewall that opens to everybody what is not for everybody", () => {
    const rule = (port: string | undefined, sourceIps: string[], protocol = "tcp") => ({ direction: "in", protocol, port, sourceIps });
    const { ports } = settings;
    const fine = [rule("443", ["0.0.0.0/0", "::/0"]), rule(String(ports.switchEdge), ["0.0.0.0/0"]), rule(`${ports.rtp}-${ports.rtp + 3 * 5_460 - 1}`, ["0.0.0.0/0"], "udp"), rule("22", ["198.51.100.7/32"]), rule(undefined, ["0.0.0.0/0"], "icmp")];
    expect(firewallViolations("edge", { rules: fine }, settings)).toEqual([]);
    const open = [rule("8021", ["0.0.0.0/0"]), rule("22", ["::/0"]), rule("any", ["0.0.0.0/0"]), rule("1-65535", ["0.0.0.0/0"]), rule(`${ports.rtp}-65535`, ["0.0.0.0/0"], "udp")];
    const found = firewallViolations("edge", { rules: open }, settings);
    expect(found).toHaveLength(open.length);
    expect(found[0]).toMatch(/^Firewall edge: rule 1 lets everybody \(0\.0\.0\.0\/0\) reach tcp 8021\./);
  });
});
