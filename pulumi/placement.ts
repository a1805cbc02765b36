import { moreApplicationNames, privateAddresses, type MachineName } from "./hcloud/addresses.ts";
import { rangeConflict, type Servers } from "./port-ranges.ts";
import type { Settings } from "./settings.ts";
import { isLoopback, tlsKindOf } from "./sites.ts";

/** Addresses of a host: what its edges listen on, what servers reach each other by, where browsers send media. */
export type Addresses = Settings["addresses"];

/** The host's own address that media comes to: behind a NAT (1:1, as clouds have it) another one than browsers send it to. */
export const mediaAddressOf = ({ public: address, internal }: Pick<Addresses, "public" | "internal">): string => internal ?? address;

/**
 * Where the stack's servers are; on one host softswitch and application server are the same object. A softswitch in reserve has a host of its own, and so
 * has each of more application servers.
 */
export interface Placement { softswitch: Addresses; application: Addresses; standby?: Addresses; moreApplications: Addresses[] }

/** Where browsers reach the edges of a host, and its relay; `undefined` where only a name in DNS tells. */
export function publicAddressOf({ edge, public: address, internal }: Addresses): string | undefined {
  // Behind a NAT an edge listens on an address that browsers don't know.
  return [...(internal === undefined ? [edge] : []), address].find((one) => one !== everyAddress);
}

/** Edges of a host that is reached over SSH listen on every address of it, unless told. */
const everyAddress = "0.0.0.0";

/** Where the settings put each server; `undefined` where they don't say. */
function placed({ hosts, addresses }: Pick<Settings, "hosts" | "addresses">): Placement | undefined {
  if (hosts.kind === "local") return { softswitch: addresses, application: addresses, moreApplications: [] };
  // Of servers that are to be made yet, what is known before; `hosts` has the rest once they are there.
  if (hosts.kind === "hcloud") return toBeMade(hosts);
  const { softswitch, application, standby } = hosts;
  const at = (host: Pick<Settings["hosts"]["softswitch"], keyof Addresses>, alone: boolean): Addresses | undefined => host.public === undefined || (host.private === undefined && !alone)
    ? undefined : { edge: host.edge ?? everyAddress, private: host.private ?? "127.0.0.1", public: host.public, ...(host.internal !== undefined && { internal: host.internal }), ...(host.public6 !== undefined && { public6: host.public6 }) };
  const isOne = isOneHost({ hosts });
  const media = at(softswitch, isOne);
  // The application server sends and receives no media: it needs no public address of its own.
  const controlAt = (host: Settings["hosts"]["application"]) => at({ ...host, public: host.public ?? everyAddress }, false);
  const control = isOne ? media : controlAt(application);
  const more = moreApplicationsOf({ hosts }).map(controlAt).filter((one) => one !== undefined);
  const reserve = hasStandby({ hosts }) ? at(standby, false) : undefined;
  return media && control && { softswitch: media, application: control, moreApplications: more, ...(reserve && { standby: reserve }) };
}

function toBeMade(hosts: Settings["hosts"]): Placement {
  const made = (name: MachineName): Addresses => ({ edge: everyAddress, private: privateAddresses(hosts.hcloud.network)[name], public: everyAddress });
  const softswitch = made("softswitch");
  const more = moreApplicationsOf({ hosts }).map((_, index) => made(moreApplicationNames[index]!));
  return { softswitch, application: hosts.hcloud.servers === 1 ? softswitch : made("application"), moreApplications: more, ...(hasStandby({ hosts }) && { standby: made("standby") }) };
}

/** @throws never for settings that were read: those that say nothing are refused */
export function placementOf(settings: Pick<Settings, "hosts" | "addresses">): Placement {
  return placed(settings)!;
}

/** Whether both servers are on one host. */
export function isOneHost({ hosts }: Pick<Settings, "hosts">): boolean {
  if (hosts.kind === "hcloud") return hosts.hcloud.servers === 1;
  return hosts.kind === "local" || hosts.application.ssh === undefined || hosts.application.ssh === hosts.softswitch.ssh;
}

/** Whether there is a softswitch in reserve. */
export function hasStandby({ hosts }: Pick<Settings, "hosts">): boolean {
  return hosts.kind === "hcloud" ? hosts.hcloud.servers === 3 : hosts.kind === "ssh" && hosts.standby.ssh !== undefined;
}

/** The application servers besides the first. */
export function moreApplicationsOf({ hosts }: { hosts: Pick<Settings["hosts"], "kind" | "moreApplications"> }): NonNullable<Settings["hosts"]["moreApplications"]> {
  return hosts.kind === "local" ? [] : hosts.moreApplications ?? [];
}

/** A sentence about hosts, names, certificates or ports that don't go together. */
export function placementConflict(settings: Settings): string | undefined {
  return hostConflict(settings) ?? standbyConflict(settings) ?? moreApplicationsConflict(settings) ?? natConflict(settings) ?? siteConflict(settings) ?? portConflict(settings);
}

function hostConflict({ hosts, switch: { kind }, freeswitch, registry }: Settings): string | undefined {
  if (hosts.kind === "local") return undefined;
  if (hosts.kind === "hcloud") return cloudConflict(hosts) ?? sourceConflict({ switch: { kind }, freeswitch, registry });
  const { softswitch, application } = hosts;
  if (softswitch.ssh === undefined) return "'houseline:hosts.kind' is ssh, but 'houseline:hosts.softswitch.ssh' doesn't say which host: give a login such as root@203.0.113.10.";
  if (softswitch.public === undefined) return "'houseline:hosts.softswitch.public' is not given: browsers send media to that address of the host.";
  if (!isOneHost({ hosts })) {
    for (const [name, host] of [["softswitch", softswitch], ["application", application]] as const) {
      if (host.private === undefined || host.private.startsWith("127.")) return `Softswitch and application server are two hosts: they need a private network between them, and 'houseline:hosts.${name}.private' is ${host.private ?? "not given"}. Give the host's address in that network; without one put both servers on one host (leave 'houseline:hosts.application.ssh' out).`;
    }
    if (softswitch.private === application.private) return `'houseline:hosts.softswitch.private' and 'houseline:hosts.application.private' are both ${application.private}: each host has its own.`;
  }
  return sourceConflict({ switch: { kind }, freeswitch, registry });
}

function natConflict({ hosts, addresses }: Settings): string | undefined {
  const given = hosts.kind === "local" ? { addresses } : { "hosts.softswitch": hosts.softswitch, "hosts.application": hosts.application, "hosts.standby": hosts.standby, ...Object.fromEntries(moreApplicationsOf({ hosts }).map((one, index) => [`hosts.moreApplications.${index}`, one])) };
  for (const [key, one] of Object.entries(given)) {
    if (one.internal === undefined) continue;
    if (hosts.kind === "hcloud") return `'houseline:${key}.internal' is for hosts behind a NAT, and servers of Hetzner Cloud have their public addresses themselves. Leave it out.`;
    if (one.internal === one.public) return `'houseline:${key}.internal' and 'houseline:${key}.public' are both ${one.internal}: without a NAT that translates one to the other leave '${key}.internal' out.`;
  }
  return undefined;
}

/** A softswitch in reserve: everything that the first one's host has, but different. */
function standbyConflict({ hosts, site, switchSite }: Settings): string | undefined {
  if (hosts.kind === "local") return undefined;
  const { standby, softswitch, application } = hosts;
  const given = Object.keys(standby)[0];
  if (!hasStandby({ hosts })) {
    if (given === undefined) return undefined;
    return hosts.kind === "ssh"
      ? `'houseline:hosts.standby.${given}' is given, but 'houseline:hosts.standby.ssh' doesn't say which host: give a login such as root@203.0.113.12, or leave 'houseline:hosts.standby' out.`
      : `'houseline:hosts.standby.${given}' is given, and 'houseline:hosts.hcloud.servers' is ${hosts.hcloud.servers}: the softswitch in reserve is the third server.`;
  }
  if (standby.site === undefined) return "'houseline:hosts.standby.site' is not given: browsers reach the softswitch in reserve by a name of its own, such as switch2.example.com.";
  const other = (Object.entries({ site, switchSite }) as [string, string | undefined][]).find(([, name]) => name === standby.site)?.[0];
  if (other !== undefined) return `'houseline:hosts.standby.site' and 'houseline:${other}' are both ${standby.site}: the softswitch in reserve is another host, with a name of its own.`;
  if (hosts.kind === "hcloud") return undefined;
  if (isOneHost({ hosts })) return "'houseline:hosts.standby' takes over when the softswitch's host is lost, and the application server, which sends people there, is on that host too: give it one of its own ('houseline:hosts.application').";
  if (standby.public === undefined) return "'houseline:hosts.standby.public' is not given: browsers send media to that address of the host.";
  if (standby.private === undefined || standby.private.startsWith("127.")) return `'houseline:hosts.standby.private' is ${standby.private ?? "not given"}: the application server reaches the softswitch in reserve by the hosts' private network. Give the host's address in that network.`;
  for (const [name, host] of Object.entries({ softswitch, application })) {
    const key = (["ssh", "private", "public", "public6"] as const).find((one) => standby[one] === host[one] && standby[one] !== undefined);
    if (key !== undefined) return `'houseline:hosts.standby.${key}' and 'houseline:hosts.${name}.${key}' are both ${standby[key]}: the softswitch in reserve is on a host of its own.`;
  }
  return undefined;
}

/** More application servers: each on a host of its own, by a name of its own, and all on one database. */
function moreApplicationsConflict({ hosts, site, switchSite, secrets }: Settings): string | undefined {
  const { moreApplications: given = [], softswitch, application, standby, hcloud } = hosts;
  if (hosts.kind === "hcloud" && given.length !== hcloud.applicationServers - 1) return `'houseline:hosts.hcloud.applicationServers' is ${hcloud.applicationServers}, and 'houseline:hosts.moreApplications' has ${given.length} of them: give the name of each but the first there, such as '- site: phone2.example.com'.`;
  if (given.length === 0) return undefined;
  if (hosts.kind === "local") return "'houseline:hosts.moreApplications' has application servers on hosts of their own, and 'houseline:hosts.kind' is local: leave the list out, or give hosts ('ssh' or 'hcloud').";
  if (secrets.databaseUrl === undefined) return "'houseline:hosts.moreApplications' is given, and several application servers share one PostgreSQL: give it as the secret 'houseline:secrets.databaseUrl' (HOUSELINE_SECRETS_DATABASE_URL), such as postgres://user:password@10.0.0.9:5432/houseline, or leave the list out.";
  if (/@(localhost|127\.[0-9.]+|\[::1\])?(:[0-9]+)?\//.test(secrets.databaseUrl)) return "'houseline:secrets.databaseUrl' leads to the host's own loopback, which is another one on each application server's host: give the name or address that all of them reach it by.";
  if (isOneHost({ hosts })) return `'houseline:hosts.moreApplications' is for when an application server's host is lost, and the first one is on the softswitch's: give it one of its own (${hosts.kind === "ssh" ? "'houseline:hosts.application'" : "'houseline:hosts.hcloud.servers' as 2"}).`;
  const names = new Map<string, string>([[switchSite ?? site, "switchSite"], [site, "site"], ...(hasStandby({ hosts }) ? [[standby.site!, "hosts.standby.site"] as const] : [])]);
  const others = new Map<string, Settings["hosts"]["application"]>(Object.entries({ "hosts.softswitch": softswitch, "hosts.application": application, "hosts.standby": standby }));
  for (const [index, host] of given.entries()) {
    const key = `hosts.moreApplications.${index}`;
    if (host.site === undefined) return `'houseline:${key}.site' is not given: browsers reach each application server by a name of its own, such as phone2.example.com.`;
    const taken = names.get(host.site);
    if (taken !== undefined) return `'houseline:${key}.site' and 'houseline:${taken}' are both ${host.site}: each host has a name of its own.`;
    names.set(host.site, `${key}.site`);
    if (hosts.kind === "hcloud") continue;
    if (host.ssh === undefined) return `'houseline:${key}.ssh' doesn't say which host: give a login such as root@203.0.113.13.`;
    if (host.private === undefined || host.private.startsWith("127.")) return `'houseline:${key}.private' is ${host.private ?? "not given"}: the switches reach each application server by the hosts' private network. Give the host's address in that network.`;
    for (const [name, other] of others) {
      const same = (["ssh", "private", "public", "public6"] as const).find((one) => host[one] === other[one] && host[one] !== undefined);
      if (same !== undefined) return `'houseline:${key}.${same}' and 'houseline:${name}.${same}' are both ${host[same]}: each application server is on a host of its own.`;
    }
    others.set(key, host);
  }
  return undefined;
}

function cloudConflict({ softswitch, application, standby, moreApplications = [], hcloud }: Settings["hosts"]): string | undefined {
  if ([softswitch, application, standby, ...moreApplications].some(({ ssh }) => ssh !== undefined)) return "'houseline:hosts.kind' is hcloud, whose servers are made: 'houseline:hosts.softswitch', 'houseline:hosts.application' and 'houseline:hosts.standby.ssh' are for hosts that are there ('ssh').";
  if (hcloud.sshFrom === undefined) return "'houseline:hosts.hcloud.sshFrom' is not given: the ranges that you administrate from, such as 203.0.113.0/24. SSH is closed to everybody else.";
  return undefined;
}

function sourceConflict({ switch: { kind }, freeswitch, registry }: Pick<Settings, "switch" | "freeswitch" | "registry">): string | undefined {
  const isFreeswitchThere = freeswitch.image !== undefined || freeswitch.apt !== undefined || freeswitch.token !== undefined || registry.address !== undefined;
  if (kind === "auto" && !isFreeswitchThere) return "nothing says where FreeSWITCH comes from, and the lab switch is never chosen for real hosts: give 'houseline:freeswitch.apt', 'houseline:freeswitch.token', 'houseline:freeswitch.image' or 'houseline:registry.address', or for a demonstration 'houseline:switch.kind' as lab.";
  return undefined;
}

function siteConflict({ hosts, site, switchSite, tls, ports }: Settings): string | undefined {
  if (hosts.kind !== "local" && isLoopback(site)) return `'houseline:site' is ${site}, and the hosts are others than this machine: give the name that browsers reach the application server by, such as phone.example.com.`;
  if (isLoopback(site)) return undefined;
  const isAtDoor = ports.applicationEdge === 443 && (isOneHost({ hosts }) || ports.switchEdge === 443);
  if (tlsKindOf({ site, switchSite, hosts, tls }) === "acme" && tls.acmeDirectory.includes("letsencrypt.org") && !isAtDoor) return "certificates for public names are got by ACME, whose authority comes to port 443: give 'houseline:ports.applicationEdge' as 443 (and on a host of its own 'houseline:ports.switchEdge' too), or another 'houseline:tls.kind'.";
  if (tls.kind !== "files") return undefined;
  const missing = (["certificate", "key"] as const).find((key) => tls[key] === undefined);
  return missing && `'houseline:tls.kind' is files, but 'houseline:tls.${missing}' doesn't say which: give the path of a PEM file on this machine.`;
}

function portConflict(settings: Settings): string | undefined {
  const { ports, hosts } = settings;
  for (const key of ["applicationEdge", "switchEdge"] as const) {
    if (hosts.kind === "local" && ports[key] < 1_024) return `'houseline:ports.${key}' is ${ports[key]}: the program has no privileges on this machine, so no port below 1024. (A host that './houseline prepare' has set up gives 80 and 443 to everybody.)`;
  }
  const { softswitch, application, standby, moreApplications } = placementOf(settings);
  const sides: [Servers, Addresses | undefined][] = isOneHost(settings) ? [["both", softswitch]] : [["softswitch", softswitch], ["application", application], ["standby", standby], ...moreApplications.map((one): [Servers, Addresses] => ["application", one])];
  return sides.map(([servers, addresses]) => addresses && rangeConflict(ports, addresses, servers, settings.turn)).find((sentence) => sentence !== undefined);
}
