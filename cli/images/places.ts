import { moreApplicationNames, whatIsOn, type MachineName } from "../../pulumi/hcloud/addresses.ts";
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
  const made = machineNamesOf(settings).filter((name) => !toMake.includes(name));
  // Of fewer servers the stack is one that is known whole.
  const moreMade = made.filter(isMoreApplication).length;
  const known = hosts.kind !== "hcloud" ? settings : { ...settings, hosts: {
    ...hosts, hcloud: { ...hosts.hcloud, servers: made.length - moreMade, applicationServers: moreMade + 1 }, ...(hosts.moreApplications && { moreApplications: hosts.moreApplications.slice(0, moreMade) }),
  } };
  const there = hosts.kind === "hcloud" && made.length === 0 ? [] : eachHost(await hostsOf(known, environment));
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
      name: `the server of the ${whatIsOn(name)}, which is to be made`, servers: serversOf(name, settings),
      inventory: async () => ({ images: new Map(), platform: platformOf(serversOf(name, settings) === "application" ? hosts.hcloud.applicationType : hosts.hcloud.softswitchType) }),
    })),
  ];
}

const isMoreApplication = (name: MachineName) => (moreApplicationNames as readonly string[]).includes(name);

function serversOf(name: MachineName, settings: Settings): Servers {
  if (name === "softswitch" || name === "standby") return isOneHost(settings) ? "both" : name;
  return "application";
}

/** Hetzner's types with processors of Arm are named so (CAX); all others have x86. */
function platformOf(serverType: string): string {
  return `linux/${serverType.startsWith("cax") ? "arm64" : "amd64"}`;
}
