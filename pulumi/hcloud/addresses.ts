/** More application servers, in the order of `hosts.moreApplications`. */
export const moreApplicationNames = ["application-2", "application-3"] as const;
export const machineNames = ["softswitch", "application", "standby", ...moreApplicationNames] as const;
export type MachineName = (typeof machineNames)[number];

/** As sentences name what is on it, with 'the' before. */
export function whatIsOn(name: MachineName): string {
  return { softswitch: "softswitch", application: "application server", standby: "softswitch in reserve", "application-2": "second application server", "application-3": "third application server" }[name];
}

/** The machines of a stack that has so many servers, and so many application servers. */
export function machinesOf({ servers, applicationServers }: { servers: number; applicationServers: number }): MachineName[] {
  return [...machineNames.slice(0, servers), ...moreApplicationNames.slice(0, applicationServers - 1)];
}

/** Something of each machine of a stack; a softswitch in reserve and more application servers need not be there. */
export type OfMachines<T> = Record<"softswitch" | "application", T> & Partial<Record<MachineName, T>>;

/** What of a machine is known once it is there: addresses, and the tags of the set-up that it was made with and of today's. */
export interface Machine { public: string; ipv6: string; private: string; setup: string; wantedSetup: string }

/** Address of each host in the stack's own network, whose first subnet (/24) all are in. */
export function privateAddresses(network: string): Record<MachineName, string> {
  const [a, b] = network.split(".");
  return { softswitch: `${a}.${b}.0.2`, application: `${a}.${b}.0.3`, standby: `${a}.${b}.0.4`, "application-2": `${a}.${b}.0.5`, "application-3": `${a}.${b}.0.6` };
}
