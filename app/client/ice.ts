/**
 * Whether a candidate is enough to send the offer with. The switch answers with its own address and learns ours from
 * the first check that arrives, so one UDP candidate that the switch can parse will do: IPv4, or an mDNS name.
 */
export function isUsable(candidate: string): boolean {
  const [, component, transport, , address] = candidate.trim().split(/\s+/);
  return component === "1" && transport?.toLowerCase() === "udp" && address !== undefined && (/^\d+\.\d+\.\d+\.\d+$/.test(address) || address.endsWith(".local"));
}

/** Milliseconds for the other addresses of this machine, which come in the same burst, before the offer goes out. */
export const burstMs = 3;
