import { mediaAddressOf } from "./placement.ts";
import { hasRelay } from "./port-ranges.ts";
import type { Settings } from "./settings.ts";
import { runThere, type StackHost } from "./stack-hosts.ts";

/** What a host says of itself: `KEY=value` lines of `factsScript`. What it can't say is empty. */
export interface HostFacts {
  /** `debian`, `ubuntu`, … and its release. (os-release(5), ID and VERSION_ID) */
  os: string;
  release: string;
  machine: string;
  user: string;
  /** Version of the Docker Engine that answers to this login; empty: none does. */
  docker: string;
  /** IPv4 and IPv6 addresses of its interfaces, without prefix lengths. */
  addresses: readonly string[];
  /** The one of IPv4 that it goes out by. */
  outgoing: string;
  /** The lowest port that a program without privileges may listen on. */
  firstPort: number;
  /** Whether containers outlive a restart of Docker. */
  liveRestore: boolean;
  memoryMegabytes: number;
  /** Of the disk that Docker keeps images on. */
  freeMegabytes: number;
  /** What a socket may keep of media, in bytes; 0 where it can't be seen. */
  receiveBuffer: number;
  /** Whether security updates install themselves. */
  updates: boolean;
  /** Whether the SSH server lets people in by passwords; `undefined` where the login may not ask. */
  passwords?: boolean;
  /** Its clock, in milliseconds since 1970. */
  clock: number;
}

/** Plain `sh`, and nothing that a minimal system lacks. */
export const factsScript = `
say() { printf '%s=%s\\n' "$1" "$2"; }
[ -r /etc/os-release ] && . /etc/os-release
say os "\${ID:-}"; say release "\${VERSION_ID:-}"; say machine "$(uname -m)"; say user "$(id -u)"
say docker "$(docker version --format '{{.Server.Version}}' 2> /dev/null)"
if command -v ip > /dev/null; then say addresses "$(ip -o addr show | awk '{ sub("/.*", "", $4); printf "%s ", $4 }')"; else say addresses "127.0.0.1 $(hostname -I 2> /dev/null)"; fi
say outgoing "$(ip -o -4 route get 192.0.2.1 2> /dev/null | sed -n 's/.* src \\([0-9.]*\\).*/\\1/p')"
say liveRestore "$(docker info --format '{{.LiveRestoreEnabled}}' 2> /dev/null)"
say memory "$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)"
d=$(docker info --format '{{.DockerRootDir}}' 2> /dev/null); [ -d "$d" ] || d=/; say free "$(df -Pm "$d" | awk 'END { print $4 }')"
say receiveBuffer "$(cat /proc/sys/net/core/rmem_max 2> /dev/null)"
say updates "$(command -v unattended-upgrade > /dev/null && apt-config dump 2> /dev/null | grep -c '^APT::Periodic::Unattended-Upgrade "1"')"
say passwords "$(PATH=$PATH:/usr/sbin sshd -T 2> /dev/null | awk '$1 == "passwordauthentication" { print $2 }')"
say clock "$(date +%s)"
say firstPort "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start 2> /dev/null)"
`;

/** Reads what a script said. */
export function readFacts(text: string): HostFacts {
  const said = new Map(text.split("\n").flatMap((line) => {
    const at = line.indexOf("=");
    return at < 1 ? [] : [[line.slice(0, at), line.slice(at + 1).trim()] as const];
  }));
  const word = (key: string) => said.get(key) ?? "";
  return {
    os: word("os"), release: word("release"), machine: word("machine"), user: word("user"), docker: word("docker"), addresses: word("addresses").split(/\s+/).filter(Boolean), outgoing: word("outgoing"), firstPort: Number(word("firstPort") || 1_024),
    liveRestore: word("liveRestore") === "true", memoryMegabytes: Number(word("memory") || 0), freeMegabytes: Number(word("free") || 0), receiveBuffer: Number(word("receiveBuffer") || 0),
    updates: word("updates") === "1", passwords: word("passwords") === "" ? undefined : word("passwords") === "yes", clock: Number(word("clock") || 0) * 1_000,
  };
}

export async function factsOf(host: Pick<StackHost, "ssh">): Promise<HostFacts> {
  return readFacts((await runThere(host, factsScript, { timeoutSeconds: 60 })).stdout);
}

/** What keeps a host from having its part of a stack, with what to do; nothing when it can. */
export function unfitFor({ name, addresses, servers }: Pick<StackHost, "name" | "addresses" | "servers">, facts: HostFacts, { ports, turn }: Pick<Settings, "ports" | "turn">): string | undefined {
  if (facts.docker === "") return `No Docker answers on ${name} to this login. './houseline prepare ${name}' sets a Debian or Ubuntu up; elsewhere install Docker Engine and start it, and log in as root or as a member of the group 'docker'.`;
  const edges = servers === "both" ? [ports.applicationEdge, ports.switchEdge] : [servers === "application" ? ports.applicationEdge : ports.switchEdge];
  const relay = turn.enabled && hasRelay(servers);
  const lowest = Math.min(...edges, ...(relay ? [ports.turn, ports.turnTls] : []));
  if (lowest < facts.firstPort) return `${name} keeps ports below ${facts.firstPort} for root, and ${edges.includes(lowest) ? "the edge" : "the relay"}, which has no privileges, is to listen on ${lowest}. './houseline prepare ${name}' changes that (or there: 'sysctl -w net.ipv4.ip_unprivileged_port_start=80', kept in /etc/sysctl.d); or choose other 'houseline:ports'.`;
  const media = addresses.internal === undefined ? "public" : "internal";
  const wanted = { private: addresses.private, edge: addresses.edge, ...(servers === "application" ? {} : { [media]: mediaAddressOf(addresses) }), ...(addresses.public6 !== undefined && { public6: addresses.public6 }), ...(relay && turn.address !== undefined ? { "turn.address": turn.address } : {}) };
  for (const [key, address] of Object.entries(wanted)) {
    if (address === "0.0.0.0" || facts.addresses.includes(address)) continue;
    const has = facts.addresses.filter((one) => one.includes(":") === address.includes(":"));
    const hint = key === "public" ? ` Where a NAT before it translates ${address} to one of these (as clouds do), give that one as 'houseline:hosts.${servers === "standby" ? "standby" : "softswitch"}.internal'${facts.outgoing === "" ? "" : `: it goes out by ${facts.outgoing}`}.` : "";
    return `${name} has no address ${address}, which the configuration gives as its '${key}'. It has ${has.join(", ") || "none"}.${hint}`;
  }
  return undefined;
}
