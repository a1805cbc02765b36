import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { readSettings, redacted, type Settings } from "../settings.ts";
import type { Machine, OfMachines } from "./addresses.ts";
import { Machines, type MachinesArgs } from "./machines.ts";
import { labelsOf, namesOf } from "./names.ts";

interface Made { type: string; name: string; inputs: Record<string, unknown> }

/** The engine's mocks in the place of the engine and of Hetzner's plugin: what is asked for is seen, and nothing is made. */
async function made(config: Record<string, unknown>, what: Pick<MachinesArgs, "unprotected" | "replace" | "adopted"> = {}): Promise<{ resources: Made[]; options: Map<string, pulumi.CustomResourceOptions>; outputs: OfMachines<Machine> }> {
  const settings = read(config);
  const resources: Made[] = [];
  const options = new Map<string, pulumi.CustomResourceOptions>();
  await pulumi.runtime.setMocks({
    call: ({ inputs }) => inputs as Record<string, unknown>,
    newResource: ({ type, name, inputs }) => {
      resources.push({ type, name, inputs: inputs as Record<string, unknown> });
      return { id: String(100 + resources.length), state: { ...inputs as object, ...(type.includes("PrimaryIp") || type.includes("primaryIp") ? { ipAddress: name.endsWith("ipv6") ? "2001:db8:1:2::" : name.startsWith("softswitch") ? "203.0.113.10" : name.startsWith("standby") ? "203.0.113.12" : "203.0.113.11" } : {}), ...(type.includes("server") ? { ipv6Address: "2001:db8:1:2::1" } : {}) } };
    },
  }, "houseline-machines", "production");
  const watch: pulumi.ResourceTransformation = ({ name, opts }) => {
    options.set(name, opts);
    return undefined;
  };
  const key = { publicKey: "ssh-ed25519 AAAAC3Nz", privateKey: "the private half" };
  const machines = new Machines("machines", {
    stack: "production", ports: settings.ports, turn: settings.turn.enabled, options: settings.hosts.hcloud, publicKey: "ssh-ed25519 AAAAOwn", hostKeys: { softswitch: key, application: key, standby: key, "application-2": key, "application-3": key },
    names: { softswitch: "switch.example.com", application: "phone.example.com", standby: "switch2.example.com", "application-2": "phone2.example.com", "application-3": "phone3.example.com" }, ...what,
  }, { transformations: [watch] });
  const outputs = await new Promise<OfMachines<Machine>>((resolve) => pulumi.all({ ...machines.made }).apply((made) => resolve(made as unknown as OfMachines<Machine>)));
  await pulumi.runtime.disconnect();
  return { resources, options, outputs };
}

function read(hcloud: Record<string, unknown>): Settings {
  return readSettings({ site: "phone.example.com", switchSite: "switch.example.com", ports: { applicationEdge: 443, switchEdge: hcloud.servers === 1 ? 8_443 : 443 }, switch: { kind: "lab" }, ...(hcloud.applicationServers !== undefined && { secrets: { databaseUrl: "postgres://houseline@10.20.0.9/houseline" } }),
    hosts: { kind: "hcloud", moreApplications: ["phone2.example.com", "phone3.example.com"].slice(0, Number(hcloud.applicationServers ?? 1) - 1).map((site) => ({ site })), ...(hcloud.servers === 3 && { standby: { site: "switch2.example.com" } }), hcloud: { sshFrom: "203.0.113.0/24", ...hcloud } } }, {}, "Pulumi.production.yaml");
}

const ofType = (resources: readonly Made[], type: string) => resources.filter((one) => one.type === `hcloud:index/${type}`).toSorted((a, b) => a.name.localeCompare(b.name));

describe("servers at Hetzner Cloud, by the engine's mocks", () => {
  it("are two in a network of their own, each on another machine, with firewall, addresses and names", async () => {
    const { resources, outputs } = await made({});
    const count = Object.fromEntries(Object.entries(Object.groupBy(resources, ({ type }) => type)).map(([type, list]) => [type.split("/").at(-1), list!.length]));
    expect(count).toMatchObject({ "sshKey:SshKey": 1, "network:Network": 1, "networkSubnet:NetworkSubnet": 1, "placementGroup:PlacementGroup": 1, "firewall:Firewall": 2, "primaryIp:PrimaryIp": 4, "rdns:Rdns": 4, "server:Server": 2 });
    const [application, softswitch] = ofType(resources, "server:Server");
    expect(softswitch!.inputs).toMatchObject({ name: "houseline-production-softswitch", serverType: "ccx13", image: "debian-12", location: "fsn1", deleteProtection: true, rebuildProtection: true, backups: false, networks: [{ ip: "10.20.0.2" }] });
    expect(application!.inputs).toMatchObject({ networks: [{ ip: "10.20.0.3" }] });
    expect(ofType(resources, "rdns:Rdns").map(({ inputs: { ipAddress, dnsPtr } }) => [ipAddress, dnsPtr]).sort()).toEqual([
      ["2001:db8:1:2::1", "phone.example.com"], ["2001:db8:1:2::1", "switch.example.com"], ["203.0.113.10", "switch.example.com"], ["203.0.113.11", "phone.example.com"],
    ]);
    expect(outputs.softswitch).toMatchObject({ public: "203.0.113.10", private: "10.20.0.2" });
    expect(outputs.softswitch.setup).toBe(outputs.softswitch.wantedSetup);
  });

  it("is one without a network, when one is asked for", async () => {
    const { resources, outputs } = await made({ servers: 1, backups: true });
    expect(ofType(resources, "server:Server")).toHaveLength(1);
    expect(ofType(resources, "network:Network")).toHaveLength(0);
    expect(ofType(resources, "server:Server")[0]!.inputs.backups).toBe(true);
    expect(outputs.application).toEqual(outputs.softswitch);
    expect(outputs.softswitch.private).toBe("127.0.0.1");
  });

  it("are three with a softswitch in reserve, which has a machine, a firewall, addresses and a name of its own", async () => {
    const { resources, outputs } = await made({ servers: 3, softswitchType: "ccx23" });
    expect(ofType(resources, "server:Server").map(({ name, inputs: { serverType, networks } }) => [name, serverType, (networks as { ip: string }[])[0]!.ip])).toEqual([
      ["application-server", "ccx13", "10.20.0.3"], ["softswitch-server", "ccx23", "10.20.0.2"], ["standby-server", "ccx23", "10.20.0.4"],
    ]);
    const [, softswitch, standby] = ofType(resources, "firewall:Firewall");
    expect(standby!.inputs.rules).toEqual(softswitch!.inputs.rules);
    expect(ofType(resources, "rdns:Rdns").flatMap(({ inputs }) => (inputs.dnsPtr === "switch2.example.com" ? [inputs.ipAddress] : [])).sort()).toEqual(["2001:db8:1:2::1", "203.0.113.12"]);
    expect(ofType(resources, "placementGroup:PlacementGroup")).toHaveLength(1);
    expect(outputs.standby).toMatchObject({ public: "203.0.113.12", private: "10.20.0.4" });
  });

  it("are more with several application servers, each with all that the first one has", async () => {
    const { resources, outputs } = await made({ applicationServers: 3, applicationType: "ccx23" });
    expect(ofType(resources, "server:Server").map(({ name, inputs: { serverType, networks } }) => [name, serverType, (networks as { ip: string }[])[0]!.ip])).toEqual([
      ["application-2-server", "ccx23", "10.20.0.5"], ["application-3-server", "ccx23", "10.20.0.6"], ["application-server", "ccx23", "10.20.0.3"], ["softswitch-server", "ccx13", "10.20.0.2"],
    ]);
    const [second, third, first] = ofType(resources, "firewall:Firewall").map(({ inputs }) => inputs.rules);
    expect([second, third]).toEqual([first, first]);
    expect(ofType(resources, "rdns:Rdns").filter(({ inputs }) => inputs.dnsPtr === "phone3.example.com")).toHaveLength(2);
    expect(Object.keys(outputs)).toEqual(["softswitch", "application", "application-2", "application-3"]);
    expect(outputs["application-3"]).toMatchObject({ private: "10.20.0.6" });
  });

  it("a changed first start, image or key makes none anew; one that is named is, with its address kept", async () => {
    const { options } = await made({ image: "debian-13" });
    expect(options.get("softswitch-server")).toMatchObject({ protect: true, ignoreChanges: expect.arrayContaining(["userData", "image", "sshKeys", "location"]) });
    const replaced = await made({}, { unprotected: "softswitch", replace: "softswitch" });
    expect(replaced.options.get("softswitch-server")).toMatchObject({ protect: false, ignoreChanges: [], deleteBeforeReplace: true });
    expect(replaced.options.get("application-server")).toMatchObject({ protect: true });
    expect(replaced.options.get("softswitch-ipv4")).toMatchObject({ protect: true });
    expect(ofType(replaced.resources, "server:Server").find(({ name }) => name === "softswitch-server")!.inputs.deleteProtection).toBe(false);
  });

  it("what is there already is taken over as it is, and its addresses are never given to a server again", async () => {
    const { options } = await made({}, { adopted: { "softswitch-server": "77", "machines-subnet": "5-10.20.0.0/24" } });
    expect(options.get("softswitch-server")).toMatchObject({ import: "77", ignoreChanges: ["*"] });
    expect(options.get("machines-subnet")).toMatchObject({ import: "5-10.20.0.0/24" });
    expect(options.get("application-server")).toMatchObject({ ignoreChanges: expect.arrayContaining(["publicNets"]) });
    expect(options.get("application-server")).not.toHaveProperty("import");
  });

  it("everything by a name has the name that it is looked for by, and labels that tell it from another's of the same name", async () => {
    const { resources } = await made({ servers: 3, applicationServers: 3 });
    const has = Object.fromEntries(resources.filter(({ inputs }) => inputs.name !== undefined).map(({ name, inputs }) => [name, inputs.name]));
    expect(has).toEqual(Object.fromEntries(namesOf("production").map(({ resource, name }) => [resource, name])));
    const labels = (publicKey: string) => labelsOf("production", { softswitch: { publicKey } });
    expect(labels("ssh-ed25519 AAAAC3Nz")).not.toEqual(labels("ssh-ed25519 AAAAC3Ny"));
    for (const { inputs } of ofType(resources, "primaryIp:PrimaryIp")) expect(inputs.labels).toEqual(labels("ssh-ed25519 AAAAC3Nz"));
  });

  it("the token is a secret of the settings, and the first start one of the state", async () => {
    const token = "a".repeat(64);
    expect(JSON.stringify(redacted(read({ token })))).not.toContain(token);
    const { resources } = await made({});
    expect(JSON.stringify(ofType(resources, "server:Server").map(({ inputs }) => Object.keys(inputs)))).toContain("userData");
  });

  it.each([
    [{ sshFrom: undefined }, "SSH is closed to everybody else"], [{ sshFrom: "0.0.0.0/0" }, "SSH is not for everybody"], [{ network: "8.8.0.0/16" }, "a private /16 network"], [{ token: "short" }, "64 letters and digits; it is [REDACTED]"], [{ servers: 4 }, "at most 3"], [{ applicationServers: 4 }, "at most 3"],
  ])("%j is refused in words", (hcloud, sentence) => {
    expect(() => read(hcloud)).toThrow(sentence);
  });
});
