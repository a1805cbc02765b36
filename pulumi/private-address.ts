import { BlockList } from "node:net";

/** Loopback, RFC 1918, and RFC 6598 (carrier-grade NAT, which overlay networks use): addresses that the Internet has no way to. */
const ranges = new BlockList();
for (const [network, prefix] of [["127.0.0.0", 8], ["10.0.0.0", 8], ["172.16.0.0", 12], ["192.168.0.0", 16], ["100.64.0.0", 10]] as const) ranges.addSubnet(network, prefix);

/** Whether an IPv4 address is a private one. */
export function isPrivate(address: string): boolean {
  return ranges.check(address);
}
