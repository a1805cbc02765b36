import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { lookup } from "node:dns/promises";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { Finding } from "../pulumi/host-findings.ts";
import type { StackHost } from "../pulumi/stack-hosts.ts";
import { publicAddressOf } from "../pulumi/placement.ts";
import { hasApplication, hasRelay } from "../pulumi/port-ranges.ts";
import type { Settings } from "../pulumi/settings.ts";
import { standbySiteOf, switchSiteOf, tlsKindOf } from "../pulumi/sites.ts";
import { turnSiteOf } from "../pulumi/turn-settings.ts";
import { isWayless } from "./media-probe/probe.ts";
import { bindingRequest, readBinding } from "./media-probe/stun.ts";

/** How long a connection may take, in milliseconds. */
const patienceMs = 4_000;

/** Something of a host that browsers connect to by TCP. */
interface Door {
  what: string;
  /** The setting of its port. */
  key: string;
  address: string;
  port: number;
  /** By TLS, for this name. */
  name?: string;
  isRelay?: true;
}

/** Whether people's browsers get to a host's edges and its relay from here, and whether the names lead there. */
export async function doorFindings(host: StackHost, settings: Settings, directory: string): Promise<Finding[]> {
  const doors = doorsOf(host, settings);
  const trusted = tlsKindOf(settings) === "private" ? join(directory, "authority", "root.crt") : undefined;
  // Other certificates are looked at as Node itself does.
  const ca = trusted !== undefined && existsSync(trusted) ? readFileSync(trusted, "utf8") : undefined;
  return (await Promise.all([...doors.map((door) => look(door, ca)), ...namesOf(doors).map(leads)])).flat();
}

function doorsOf({ addresses, servers, site: own }: StackHost, settings: Settings): Door[] {
  const { ports, turn } = settings;
  const site = own ?? settings.site;
  const reached = [publicAddressOf(addresses) ?? site, ...(addresses.public6 === undefined ? [] : [addresses.public6])];
  const edge = (what: string, key: "switchEdge" | "applicationEdge", name: string): Door[] => reached.map((address) => ({ what, key: `ports.${key}`, address, port: ports[key], name }));
  // Behind a NAT an address of its own is one that only the name's address leads to.
  const relay = { address: addresses.internal !== undefined && turn.address !== undefined ? turnSiteOf(settings) : turn.address ?? addresses.public, isRelay: true } as const;
  return [
    ...(servers === "application" ? [] : edge("the switch's edge", "switchEdge", servers === "standby" ? standbySiteOf(settings)! : switchSiteOf(settings))),
    ...(hasApplication(servers) ? edge("the application server's edge", "applicationEdge", site) : []),
    ...(!hasRelay(servers) || !turn.enabled ? [] : [
      { what: "the relay", key: "ports.turn", port: ports.turn, ...relay },
      { what: "the relay", key: "ports.turnTls", port: ports.turnTls, name: turnSiteOf(settings), ...relay },
    ]),
  ];
}

async function look(door: Door, ca: string | undefined): Promise<Finding[]> {
  const { what, address, port, name } = door;
  const started = performance.now();
  try {
    const socket = await open(door, ca);
    try {
      const took = `${Math.round(performance.now() - started)} ms`;
      if (door.isRelay && !await answersStun(socket)) return [{ state: "missing", sentence: `${what}: something takes connections at ${address} port ${port}, and does not answer as a relay does. Check that 'houseline:${door.key}' leads to this host` }];
      const untrusted = name !== undefined && !(socket as TLSSocket).authorized ? String((socket as TLSSocket).authorizationError) : undefined;
      if (untrusted !== undefined) return [{ state: "advice", sentence: `${what} answers at ${address} port ${port} after ${took}, with a certificate for ${name} that this machine does not trust (${untrusted})` }];
      return [{ state: "found", sentence: `${what} at ${address} port ${port}${name === undefined ? "" : `, by TLS as ${name}`}, after ${took}` }];
    } finally {
      socket.destroy();
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    if (isWayless(error) && address.includes(":")) return [{ state: "advice", sentence: `${what} was not tried at ${address}: this machine has no way to addresses of IPv6` }];
    return [{ state: "missing", sentence: `${what}: TCP port ${port} of ${address} can't be reached (${code}). ${code === "ECONNREFUSED" ? "Nobody listens there, or a firewall refuses it: see './houseline status'" : "Let it in, from everybody, at the firewall before the host and at its own"}` }];
  }
}

function open({ address, port, name }: Door, ca: string | undefined): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const connected = () => { clearTimeout(timer); resolve(socket); };
    const socket: Socket = name === undefined
      ? connectTcp({ host: address, port }, connected)
      : connectTls({ host: address, port, rejectUnauthorized: false, ...(ca !== undefined && { ca }), ...(isIP(name) ? {} : { servername: name }) }, connected);
    const timer = setTimeout(() => { socket.destroy(Object.assign(new Error("nothing answers"), { code: "no answer" })); }, patienceMs);
    socket.once("error", (error) => { clearTimeout(timer); reject(error); });
  });
}

/** A relay answers a binding request that nobody signed. (RFC 8489, 6) */
function answersStun(socket: Socket): Promise<boolean> {
  const transaction = randomBytes(12);
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    const timer = setTimeout(() => resolve(false), patienceMs);
    const end = (answered: boolean) => { clearTimeout(timer); resolve(answered); };
    socket.on("data", (part) => {
      received = Buffer.concat([received, part]);
      const answer = readBinding(received);
      if (answer) end(answer.isAnswer && answer.transaction.equals(transaction));
      else if (received.length > 1_500) end(false);
    });
    socket.once("error", () => end(false)).once("close", () => end(false));
    socket.write(bindingRequest(transaction));
  });
}

/** Each name once for each kind of address. */
const namesOf = (doors: readonly Door[]) => [...new Map(doors.filter(({ name }) => name !== undefined && isIP(name) === 0).map((door) => [`${door.name} ${isIP(door.address)}`, door])).values()];

/** Where a name leads as this machine has it, which people's machines need not share. */
async function leads({ name, address }: Door): Promise<Finding[]> {
  const found: string[] = await lookup(name!, { all: true }).then((all) => all.map((one) => one.address), () => []);
  if (found.includes(address) || !isIP(address)) return [];
  return [{ state: "advice", sentence: found.length === 0 ? `the name ${name} is not known here: people's browsers need it to lead to ${address} (${isIP(address) === 6 ? "an AAAA" : "an A"} record)` : `the name ${name} leads to ${found.join(", ")} from here, and not to ${address}` }];
}
