import { mediaAddressOf } from "./placement.ts";
import type { Settings } from "./settings.ts";

/** Ports of one key: `first` to `last`, both included. */
export interface PortRange { key: string; first: number; last: number; protocol: "tcp" | "udp" | "both"; address: string }

/** Slots side by side: the one serving, the one draining and the one coming. */
export const slots = 3;
/** Application servers of a stack: a switch asks each slot of each for its people, one after the other. */
export const mostApplications = 3;
/** RTP ports of a slot. */
export const rtpPorts = 5_460;
/** Ports of a slot that the relay sends from: of what browsers ask for, a leg takes one for each way to it and each network of theirs. */
export const relayPorts = 5_460;

/** Which of the stack's servers a host has, of several application servers one; `standby` is a softswitch in reserve, which has no relay. */
export type Servers = "softswitch" | "application" | "both" | "standby";

/** Whether the application server is on a host with these servers, and whether the relay is, if there is one. */
export const hasApplication = (servers: Servers): boolean => servers === "application" || servers === "both";
export const hasRelay = (servers: Servers): boolean => servers === "softswitch" || servers === "both";

/**
 * Every port that a stack takes on a host with these servers.
 *
 * @param turn whether it has a relay, and where that listens
 */
export function portRanges(ports: Settings["ports"], addresses: Settings["addresses"], servers: Servers = "both", turn?: Settings["turn"]): PortRange[] {
  const slotted = (key: keyof Settings["ports"], protocol: PortRange["protocol"], address: string): PortRange =>
    ({ key: `ports.${key}`, first: ports[key], last: ports[key] + slots - 1, protocol, address });
  const single = (key: keyof Settings["ports"], address = addresses.edge): PortRange =>
    ({ key: `ports.${key}`, first: ports[key], last: ports[key], protocol: "tcp", address });
  const relay = turn?.enabled && hasRelay(servers) ? [
    ...(["turn", "turnTls"] as const).map((key) => single(key, turn.address ?? mediaAddressOf(addresses))),
    slotted("turnLocal", "tcp", "127.0.0.1"),
    { key: "ports.turnRelay", first: ports.turnRelay, last: ports.turnRelay + slots * relayPorts - 1, protocol: "udp" as const, address: mediaAddressOf(addresses) },
  ] : [];
  const softswitch = [
    single("switchEdge"),
    slotted("sipWs", "tcp", "127.0.0.1"),
    slotted("sip", "both", addresses.private),
    slotted("esl", "tcp", addresses.private),
    { key: "ports.rtp", first: ports.rtp, last: ports.rtp + slots * rtpPorts - 1, protocol: "udp" as const, address: mediaAddressOf(addresses) },
    ...relay,
  ];
  const application = [
    single("applicationEdge"),
    slotted("app", "tcp", "127.0.0.1"),
    slotted("directory", "tcp", addresses.private),
  ];
  return [...(servers === "application" ? [] : softswitch), ...(hasApplication(servers) ? application : [])];
}

/** A sentence about two keys that want the same port, or about one that ends beyond the last port. */
export function rangeConflict(ports: Settings["ports"], addresses: Settings["addresses"], servers: Servers = "both", turn?: Settings["turn"]): string | undefined {
  const ranges = portRanges(ports, addresses, servers, turn);
  for (const [index, one] of ranges.entries()) {
    if (one.last > 65_535) return `'houseline:${one.key}' begins at ${one.first} and so ends at ${one.last}, beyond the last port, 65535; choose a lower base.`;
    for (const other of ranges.slice(index + 1)) {
      if (disjointProtocols(one, other) || areApart(one, other) || one.last < other.first || other.last < one.first) continue;
      return `'houseline:${one.key}' takes ${named(one)} and 'houseline:${other.key}' takes ${named(other)}: they overlap; move one of them.`;
    }
  }
  return undefined;
}

function disjointProtocols(one: PortRange, other: PortRange): boolean {
  return one.protocol !== other.protocol && one.protocol !== "both" && other.protocol !== "both";
}

/** A relay may have the port of an edge, 443 say, on an address of its own. */
function areApart(one: PortRange, other: PortRange): boolean {
  const shared = [one, other].some(({ key }) => key === "ports.turn" || key === "ports.turnTls") && [one, other].some(({ key }) => key.endsWith("Edge"));
  return shared && one.address !== other.address && one.address !== "0.0.0.0" && other.address !== "0.0.0.0";
}

function named({ first, last }: PortRange): string {
  return first === last ? `port ${first}` : `ports ${first}-${last}`;
}
