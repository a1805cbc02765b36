import type { MachineName } from "../../pulumi/hcloud/addresses.ts";
import { takeInventory, type Inventory } from "../../pulumi/images.ts";
import type { DockerClient } from "../../pulumi/docker-cli.ts";
import { isOneHost } from "../../pulumi/placement.ts";
import type { Servers } from "../../pulumi/port-ranges.ts";
import type { Settings } from "../../pulumi/settings.ts";
import { eachHost } from "../../pulumi/stack-hosts.ts";
import type { Environment } from "../environment.ts";
import { hostsOf, refuseUnprepared } from "../hosts.ts";
import { machineNamesOf, machinesToMake } from "../known-machines.ts";

/** A host of a stack as far as its images go. */
export interface Place {
  name: string;
  servers: Servers;
  /** Where its Docker is; a server that is to be made yet has none, and nothing. */
  client?: DockerClient;
  /**
   * What it has.
   *
   * @throws Failure, Refusal when it can't be asked, or can't have its part of the stack
   */
  inventory(): Promise<Inventory>;
}

/** The hosts of a stack, each once: those that are there, then the servers that the next `up` makes. */
export async function placesOf(settings: Settings, environment: Environment): Promise<Place[]> {
  const toMake = machinesToMake(settings, environment);
  const { hosts } = settings;
  const made = machineNamesOf(settings).length - toMake.length;
  // Of fewer servers the stack is one that is known whole.
  const known = hosts.kind === "hcloud" ? { ...settings, hosts: { ...hosts, hcloud: { ...hosts.hcloud, servers: made } } } : settings;
  const there = hosts.kind === "hcloud" && made === 0 ? [] : eachHost(await hostsOf(known, environment));
  return [
    ...there.map((host): Place => {
      const servers = host.servers === "both" && !isOneHost(settings) ? "softswitch" : host.servers;
      return {
        name: host.name, servers, client: host.client,
        inventory: async () => {
          await refuseUnprepared({ ...host, servers }, settings);
          return takeInventory(host.client);
        },
      };
    }),
    ...toMake.map((name): Place => ({
      name: `${words[name]}, which is to be made`, servers: isOneHost(settings) ? "both" : name,
      inventory: async () => ({ images: new Map(), platform: platformOf(name === "application" ? hosts.hcloud.applicationType : hosts.hcloud.softswitchType) }),
    })),
  ];
}

const words: Record<MachineName, string> = { softswitch: "the softswitch's server", application: "the application server's", standby: "the server in reserve" };

/** Hetzner's types with processors of Arm are named so (CAX); all others have x86. */
function platformOf(serverType: string): string {
  return `linux/${serverType.startsWith("cax") ? "arm64" : "amd64"}`;
}
