import type { Settings } from "./settings.ts";

/** Ports of one key: `first` to `last`, both included. */
export interface PortRange { key: string; first: number; last: number; protocol: "tcp" | "udp" | "both"; address: string }

/** Slots side by side: the one serving, the one draining and the one coming. */
export const slots = 3;
/** RTP ports of a slot. */
export const rtpPorts = 5_460;

/** Which of the stack's two servers a host has. */
export type Servers = "softswitch" | "application" | "both";

/** Every port that a stack takes on a host with these servers. */
export function portRanges(ports: Settings["ports"], addresses: Settings["addresses"], servers: Servers = "both"): PortRange[] {
  const slotted = (key: keyof Settings["ports"], protocol: PortRange["protocol"], address: string): PortRange =>
    ({ key: `ports.${key}`, first: ports[key], last: ports[key] + slots - 1, protocol, address });
  const single = (key: keyof Settings["ports"]): PortRange =>
    ({ key: `ports.${key}`, first: ports[key], last: ports[key], protocol: "tcp", address: addresses.edge });
  const softswitch = [
    single("switchEdge"),
    slotted("sipWs", "tcp", "127.0.0.1"),
    slotted("sip", "both", addresses.private),
    slotted("esl", "tcp", addresses.private),
    { key: "ports.rtp", first: ports.rtp, last: ports.rtp + slots * rtpPorts - 1, protocol: "udp" as const, address: addresses.public },
  ];
  const application = [
    single("applicationEdge"),
    slotted("app", "tcp", "127.0.0.1"),
    slotted("directory", "tcp", addresses.private),
  ];
  return [...(servers === "application" ? [] : softswitch), ...(servers === "softswitch" ? [] : application)];
}

/** A sentence about two keys that want the same port, or about one that ends beyond the last port. */
export function rangeConflict(ports: Settings["ports"], addresses: Settings["addresses"], servers: Servers = "both"): string | undefined {
  const ranges = portRanges(ports, addresses, servers);
  for (const [index, one] of ranges.entries()) {
    if (one.last > 65_535) return `'houseline:${one.key}' begins at ${one.first} and so ends at ${one.last}, beyond the last port, 65535; choose a lower base.`;
    for (const other of ranges.slice(index + 1)) {
      if (disjointProtocols(one, other) || one.last < other.first || other.last < one.first) continue;
      return `'houseline:${one.key}' takes ${named(one)} and 'houseline:${other.key}' takes ${named(other)}: they overlap; move one of them.`;
    }
  }
  return undefined;
}

function disjointProtocols(one: PortRange, other: PortRange): boolean {
  return one.protocol !== other.protocol && one.protocol !== "both" && other.protocol !== "both";
}

function named({ first, last }: PortRange): string {
  return first === last ? `port ${first}` : `ports ${first}-${last}`;
}
