export type MachineName = "softswitch" | "application";

/** What of a machine is known once it is there: addresses, and the tags of the set-up that it was made with and of today's. */
export interface Machine { public: string; ipv6: string; private: string; setup: string; wantedSetup: string }

/** Address of each host in the stack's own network, whose first subnet (/24) both are in. */
export function privateAddresses(network: string): Record<MachineName, string> {
  const [a, b] = network.split(".");
  return { softswitch: `${a}.${b}.0.2`, application: `${a}.${b}.0.3` };
}
