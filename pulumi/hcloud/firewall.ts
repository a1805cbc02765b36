import { hasApplication, hasRelay, rtpPorts, slots, type Servers } from "../port-ranges.ts";
import type { Settings } from "../settings.ts";

/** A rule of a firewall before a server: what comes in; whatever no rule names is dropped. (Hetzner Cloud's API, "Firewalls") */
export interface Rule { description: string; direction: "in"; protocol: "tcp" | "udp" | "icmp"; port?: string; sourceIps: string[] }

const everybody = ["0.0.0.0/0", "::/0"];

/**
 * What a host with these servers lets in: its edges and media from everybody, SSH from where it is administrated, nothing else. The private network between
 * hosts doesn't pass through it.
 *
 * @param sshFrom ranges such as `203.0.113.0/24` and `2001:db8::/48`
 * @param turn whether there is a relay; what it sends to the switch beside it comes through no firewall
 */
export function firewallRules(servers: Servers, ports: Settings["ports"], sshFrom: readonly string[], turn = false): Rule[] {
  const rule = (description: string, protocol: Rule["protocol"], port: string | undefined, sourceIps: readonly string[]): Rule => ({ description, direction: "in", protocol, ...(port === undefined ? {} : { port }), sourceIps: [...sourceIps] });
  return [
    ...(servers === "application" ? [] : [
      rule("SIP over WebSocket", "tcp", String(ports.switchEdge), everybody),
      rule("media", "udp", `${ports.rtp}-${ports.rtp + slots * rtpPorts - 1}`, everybody),
      ...(turn && hasRelay(servers) ? [rule("relay of media, by TCP", "tcp", String(ports.turn), everybody), rule("relay of media, by TLS", "tcp", String(ports.turnTls), everybody)] : []),
    ]),
    ...(hasApplication(servers) ? [rule("softphone and API", "tcp", String(ports.applicationEdge), everybody)] : []),
    rule("SSH", "tcp", "22", sshFrom),
    // Without it paths with a small MTU swallow whole packets. (RFC 1191, RFC 8201)
    rule("ICMP", "icmp", undefined, everybody),
  ];
}
