import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { portRanges, slots, type PortRange } from "../pulumi/port-ranges.ts";
import type { Settings } from "../pulumi/settings.ts";
import { runThere, type StackHost } from "../pulumi/stack-hosts.ts";
import { Failure } from "./failure.ts";

interface Listener { port: number; protocol: "tcp" | "udp"; address: string; inode: string }

/**
 * Refuses a port that another program listens on. RTP's ports and the relay's are left out: their ranges are wide, and switch and
 * relay pass over one that is taken.
 *
 * @param ours ids of the stack's own containers, which may hold its ports
 */
export async function refuseBusyPorts(settings: Settings, host: StackHost, ours: readonly string[]): Promise<void> {
  const ranges = portRanges(settings.ports, host.addresses, host.servers, settings.turn).filter(({ key }) => key !== "ports.rtp" && key !== "ports.turnRelay");
  const busy = listenersIn(await tablesOf(host)).flatMap((listener) => {
    const range = ranges.find((candidate) => wants(candidate, listener));
    return range ? [{ listener, range }] : [];
  });
  if (busy.length === 0) return;
  const inodes = new Set(busy.map(({ listener }) => listener.inode));
  const owners = host.ssh ? await ownersThere(host, inodes) : ownersHere(inodes);
  for (const { listener, range } of busy) {
    const owner = owners.get(listener.inode);
    // Whose it is can be read by root alone; a stack that is up is then taken to be the owner.
    if (owner ? ours.some((id) => owner.cgroup.includes(id)) : ours.length > 0) continue;
    throw new Failure(`Port ${listener.port} (${listener.protocol}), which 'houseline:${range.key}' wants${range.first === range.last ? "" : ` for one of its ${slots} slots`}, is taken${host.ssh ? ` on ${host.name}` : ""} by ${owner ? `'${owner.command}' (process ${owner.pid})` : "another program"}. Stop that, or choose another port in the stack's configuration. Nothing was changed.`);
  }
}

function wants(range: PortRange, { port, protocol, address }: Listener): boolean {
  if (port < range.first || port > range.last) return false;
  if (range.protocol !== "both" && range.protocol !== protocol) return false;
  return address === range.address || [address, range.address].some((one) => one === "0.0.0.0" || one === "::");
}

const tables = ["tcp", "tcp6", "udp", "udp6"] as const;
type Tables = Record<(typeof tables)[number], string>;

/** Every socket of the host's network namespace. (proc(5), `/proc/net/tcp`) */
async function tablesOf(host: StackHost): Promise<Tables> {
  if (!host.ssh) return Object.fromEntries(tables.map((table) => [table, textOf(`/proc/net/${table}`)])) as Tables;
  const { stdout } = await runThere(host, `for t in ${tables.join(" ")}; do cat /proc/net/$t 2> /dev/null; echo end; done`);
  const parts = stdout.split(/^end$/m);
  return Object.fromEntries(tables.map((table, index) => [table, parts[index] ?? ""])) as Tables;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function listenersIn(text: Tables): Listener[] {
  return tables.flatMap((table) => text[table].trim().split("\n").slice(1).flatMap((line) => {
    const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
    const [address = "", port = ""] = local.split(":");
    if (table.startsWith("tcp") && state !== "0A") return [];
    return [{ port: Number.parseInt(port, 16), protocol: table.slice(0, 3) as "tcp" | "udp", address: addressOf(address), inode }];
  }));
}

/** Addresses stand there in the host's byte order; of IPv6 only "every address" and mapped IPv4 matter here. */
function addressOf(hex: string): string {
  const ipv4 = hex.slice(-8);
  if (hex.length === 32 && /^0+$/.test(hex)) return "::";
  if (hex.length === 32 && !hex.slice(0, 24).endsWith("FFFF0000")) return hex;
  return [3, 2, 1, 0].map((byte) => Number.parseInt(ipv4.slice(byte * 2, byte * 2 + 2), 16)).join(".");
}

interface Owner { pid: string; command: string; cgroup: string }

function ownersHere(inodes: ReadonlySet<string>): Map<string, Owner> {
  const owners = new Map<string, Owner>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        const inode = /^socket:\[(\d+)\]$/.exec(readlinkOf(`/proc/${pid}/fd/${fd}`))?.[1];
        if (inode === undefined || !inodes.has(inode)) continue;
        owners.set(inode, { pid, command: readFileSync(`/proc/${pid}/comm`, "utf8").trim(), cgroup: readFileSync(`/proc/${pid}/cgroup`, "utf8") });
      }
    } catch {
      // It has ended, or belongs to somebody else.
    }
  }
  return owners;
}

/** The same on another host, for those of its processes that the login may look into. */
async function ownersThere(host: StackHost, inodes: ReadonlySet<string>): Promise<Map<string, Owner>> {
  const { stdout } = await runThere(host, `find /proc/[0-9]*/fd -lname 'socket:*' -printf '%h %l\\n' 2> /dev/null | sed 's#^/proc/\\([0-9]*\\)/fd socket:\\[\\([0-9]*\\)\\]#\\1 \\2#' | while read -r pid inode; do
case ' ${[...inodes].join(" ")} ' in *" $inode "*) printf '%s\\t%s\\t%s\\t%s\\n' "$inode" "$pid" "$(cat /proc/$pid/comm 2> /dev/null)" "$(tr '\\n' ' ' < /proc/$pid/cgroup 2> /dev/null)" ;; esac; done`);
  return new Map(stdout.trim().split("\n").filter(Boolean).map((line): [string, Owner] => {
    const [inode = "", pid = "", command = "", cgroup = ""] = line.split("\t");
    return [inode, { pid, command, cgroup }];
  }));
}

function readlinkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
