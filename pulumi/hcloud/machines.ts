import * as hcloud from "@pulumi/hcloud";
import * as pulumi from "@pulumi/pulumi";
import type { Servers } from "../port-ranges.ts";
import type { Settings } from "../settings.ts";
import { moreApplicationNames, privateAddresses, type Machine, type MachineName, type OfMachines } from "./addresses.ts";
import { cloudConfig, setupTag, type HostKey } from "./cloud-init.ts";
import { firewallRules } from "./firewall.ts";
import { labelsOf, namesOf } from "./names.ts";

export interface MachinesArgs {
  stack: string;
  ports: Settings["ports"];
  /** Whether the softswitch's host has a relay. */
  turn: boolean;
  options: Settings["hosts"]["hcloud"];
  /** Name that browsers use for each host: its reverse DNS. */
  names: OfMachines<string>;
  /** Public key of whoever deploys. */
  publicKey: string;
  hostKeys: OfMachines<HostKey>;
  /** A host that may be ended. */
  unprotected?: MachineName;
  /** A host that is to be made anew, with all that it had lost. */
  replace?: MachineName;
  /** What is there already and the engine doesn't know: ids by the names that resources have here. It is taken over as it is. */
  adopted?: Record<string, string>;
}

/** Label of a server: the set-up that it was made with. */
const setupLabel = "houseline-setup";

/**
 * The servers of a stack at Hetzner Cloud, and what is around them: key, network, firewalls, placement group, reverse DNS. A changed first start, image
 * or key makes no host anew: that would lose what it has. It is told, and is done to the host that `replace` names.
 */
export class Machines extends pulumi.ComponentResource {
  readonly made: OfMachines<pulumi.Output<Machine>>;

  constructor(name: string, args: MachinesArgs, options?: pulumi.ComponentResourceOptions) {
    super("houseline:hcloud:Machines", name, {}, options);
    const { stack, options: wanted, adopted = {} } = args;
    const labels = labelsOf(stack, args.hostKeys);
    const names = Object.fromEntries(namesOf(stack).map((one) => [one.resource, one.name]));
    /** Options of a resource; one that is taken over is changed by the next update, not by this one. */
    const of = (resource: string, more: pulumi.CustomResourceOptions = {}): pulumi.CustomResourceOptions => ({ parent: this, ...more, ...(resource in adopted ? { import: adopted[resource], ignoreChanges: ["*"] } : {}) });
    const one = wanted.servers === 1;
    const addresses = privateAddresses(wanted.network);

    const key = createKey();
    const network = one ? undefined : createNetwork();
    const placement = one ? undefined : createPlacement();
    const softswitch = createMachine("softswitch", one ? "both" : "softswitch", wanted.softswitchType);
    const application = one ? softswitch : createMachine("application", "application", wanted.applicationType);
    const standby = wanted.servers === 3 ? createMachine("standby", "standby", wanted.softswitchType) : undefined;
    const more = moreApplicationNames.slice(0, wanted.applicationServers - 1).map((machine) => [machine, createMachine(machine, "application", wanted.applicationType)] as const);
    this.made = { softswitch, application, ...(standby && { standby }), ...Object.fromEntries(more) };
    this.registerOutputs({ ...this.made });

    function createKey() {
      return new hcloud.SshKey(`${name}-key`, { name: names[`${name}-key`], publicKey: args.publicKey, labels }, of(`${name}-key`));
    }

    function createNetwork() {
      const whole = new hcloud.Network(`${name}-network`, { name: names[`${name}-network`], ipRange: wanted.network, labels, deleteProtection: wanted.deleteProtection }, of(`${name}-network`));
      const subnet = new hcloud.NetworkSubnet(`${name}-subnet`, { networkId: numberOf(whole), type: "cloud", networkZone: wanted.networkZone, ipRange: subnetOf(wanted.network) }, of(`${name}-subnet`));
      return { whole, subnet };
    }

    /** On different physical machines: one that breaks down takes one server with it. */
    function createPlacement() {
      return new hcloud.PlacementGroup(`${name}-placement`, { name: names[`${name}-placement`], type: "spread", labels }, of(`${name}-placement`));
    }

    /** Of its own: a host that is made anew keeps it, and DNS stays as it is. */
    function createAddress(machine: MachineName, type: "ipv4" | "ipv6") {
      const resource = `${machine}-${type}`;
      const address = new hcloud.PrimaryIp(resource, { name: names[resource], type, assigneeType: "server", autoDelete: false, location: wanted.location, labels, deleteProtection: wanted.deleteProtection }, of(resource, { protect: wanted.deleteProtection, ignoreChanges: ["location"] }));
      // Of an IPv6 network the server takes the first address.
      const ipAddress = type === "ipv4" ? address.ipAddress : address.ipAddress.apply((network) => `${network.replace(/\/\d+$/, "")}${network.endsWith("::1") ? "" : "1"}`);
      new hcloud.Rdns(`${resource}-name`, { primaryIpId: numberOf(address), ipAddress, dnsPtr: args.names[machine]! }, of(`${resource}-name`));
      return address;
    }

    function createMachine(machine: MachineName, servers: Servers, serverType: string): pulumi.Output<Machine> {
      const firewall = new hcloud.Firewall(`${machine}-firewall`, { name: names[`${machine}-firewall`], labels, rules: firewallRules(servers, args.ports, (wanted.sshFrom ?? "").split(" "), args.turn) }, of(`${machine}-firewall`));
      const first = { ...(one ? {} : { privateAddress: addresses[machine] }) };
      const setup = setupTag(wanted.image, first);
      const isReplaced = args.replace === machine;
      const deleteProtection = wanted.deleteProtection && args.unprotected !== machine;
      const [ipv4, ipv6] = [createAddress(machine, "ipv4"), createAddress(machine, "ipv6")];
      const server = new hcloud.Server(`${machine}-server`, {
        name: names[`${machine}-server`],
        serverType, image: wanted.image, location: wanted.location,
        sshKeys: [key.id],
        userData: pulumi.secret(cloudConfig({ ...first, hostKey: args.hostKeys[machine]! })),
        labels: { ...labels, [setupLabel]: setup },
        firewallIds: [numberOf(firewall)],
        ...(placement && { placementGroupId: numberOf(placement) }),
        ...(network && { networks: [{ networkId: numberOf(network.whole), ip: addresses[machine], aliasIps: [] }] }),
        publicNets: [{ ipv4Enabled: true, ipv4: numberOf(ipv4), ipv6Enabled: true, ipv6: numberOf(ipv6) }],
        backups: wanted.backups,
        // The cloud wants both to be the same.
        deleteProtection, rebuildProtection: deleteProtection,
        keepDisk: true,
      }, of(`${machine}-server`, {
        protect: deleteProtection,
        // Names are unique.
        deleteBeforeReplace: true,
        dependsOn: network ? [network.subnet] : [],
        // The cloud would delete the server first and make another: nothing does that by the way. Its addresses are its own for good, and a server that
        // was taken over has them in no state: to give it them would turn it off, and end them.
        ignoreChanges: isReplaced ? [] : ["userData", "image", "sshKeys", "location", "publicNets", `labels["${setupLabel}"]`],
      }));
      return pulumi.all([ipv4.ipAddress, server.ipv6Address, server.labels]).apply(([address, ipv6Address, had]): Machine => ({
        public: address, ipv6: ipv6Address, private: one ? "127.0.0.1" : addresses[machine], setup: had?.[setupLabel] ?? "", wantedSetup: setup,
      }));
    }
  }
}

/** The part of a network that the servers are in. */
export const subnetOf = (network: string) => network.replace(/\/\d+$/, "/24");

/** Hetzner's ids are numbers, and Pulumi's are text. */
const numberOf = ({ id }: pulumi.CustomResource): pulumi.Output<number> => id.apply(Number);
