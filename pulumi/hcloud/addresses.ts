export type MachineName = "softswitch" | "application" | "standby";

/** Something of each machine of a stack; a softswitch in reserve need not be there. */
export type OfMachines<T> = Record<Exclude<MachineName, "standby">, T> & { standby?: T };

/** What of a machine is known once it is there: addresses, and the tags of the set-up that it was made with and of today's. */
export interface Machine { public: string; ipv6: string; private: string; setup: string; wantedSetup: string }

/** Address of each host in the stack's own network, whose first subnet (/24) all are in. */
export function privateAddresses(network: string): Record<MachineName, string> {
  const [a, b] = network.split(".");
  return { softswitch: `${a}.${b}.0.2`, application: `${a}.${b}.0.3`, standby: `${a}.${b}.0.4` };
}
