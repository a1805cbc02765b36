import { homedir } from "node:os";
import { join } from "node:path";
import type { DockerClient } from "./docker-cli.ts";
import { isOneHost, moreApplicationsOf, placementOf, type Addresses } from "./placement.ts";
import type { Servers } from "./port-ranges.ts";
import { run, type Outcome, type RunOptions } from "./process.ts";
import { Refusal } from "./refusal.ts";
import type { Settings } from "./settings.ts";
import { dockerOver, parseLogin, runOver, unknownKey, writeSshFiles, type SshFiles, type SshHost } from "./ssh.ts";

/** A host of a stack: its Docker, its addresses, what of the stack it has. */
export interface StackHost {
  /** As commands name it: `this machine`, or a login. */
  name: string;
  client: DockerClient;
  addresses: Addresses;
  servers: Servers;
  /** Of an application server besides the first: the name that browsers reach it by. */
  site?: string;
  /** How it is reached, when it is another machine. */
  ssh?: { host: SshHost; files: SshFiles };
}

/** Where the stack's servers are; on one host both are the same object. The standby has a softswitch in reserve. */
export interface StackHosts { softswitch: StackHost; application: StackHost; standby?: StackHost; moreApplications?: StackHost[] }

/** Each host once. */
export const eachHost = ({ softswitch, application, standby, moreApplications = [] }: StackHosts): StackHost[] => [...new Set([softswitch, application, ...(standby ? [standby] : []), ...moreApplications])];
/** Those with an application server, the first one's first. */
export const applicationHosts = ({ application, moreApplications = [] }: Pick<StackHosts, "application" | "moreApplications">): StackHost[] => [application, ...moreApplications];
/** Those with a switch, the one that people are sent to first. */
export const switchHosts = ({ softswitch, standby }: StackHosts): StackHost[] => [softswitch, ...(standby ? [standby] : [])];
export const clientsOf = (hosts: StackHosts): DockerClient[] => eachHost(hosts).map(({ client }) => client);

/**
 * The hosts that the settings name.
 *
 * @param directory the stack's own, for the files by which its hosts are reached
 * @param client of this machine
 */
export async function stackHosts(settings: Settings, directory: string, client: DockerClient): Promise<StackHosts> {
  const { hosts } = settings;
  const placement = placementOf(settings);
  if (hosts.kind === "local") {
    const host: StackHost = { name: "this machine", client, addresses: placement.softswitch, servers: "both" };
    return { softswitch: host, application: host };
  }
  if (hosts.kind === "hcloud") throw new Refusal("'houseline:hosts.kind' is hcloud, whose servers './houseline up' makes. With Pulumi alone give servers that are there ('ssh').");
  const [one, more] = [isOneHost(settings), moreApplicationsOf(settings)];
  const logins = {
    softswitch: await sshHost("softswitch", hosts.softswitch), application: one ? undefined : await sshHost("application", hosts.application), standby: placement.standby && await sshHost("standby", hosts.standby),
    moreApplications: await Promise.all(more.map((host, index) => sshHost(`moreApplications.${index}`, host))),
  };
  const known = Object.values(logins).flat().filter((host) => host !== undefined);
  const files = writeSshFiles(directory, known, hosts.identityFile?.replace(/^~(?=\/)/, homedir()));
  const at = (host: SshHost, login: string, addresses: Addresses, servers: Servers): StackHost => ({ name: login, client: dockerOver(host, files, client), addresses, servers, ssh: { host, files } });
  const softswitch = at(logins.softswitch, hosts.softswitch.ssh!, placement.softswitch, one ? "both" : "softswitch");
  return {
    softswitch,
    application: logins.application ? at(logins.application, hosts.application.ssh!, placement.application, "application") : softswitch,
    ...(logins.standby && { standby: at(logins.standby, hosts.standby.ssh!, placement.standby!, "standby") }),
    ...(more.length > 0 && { moreApplications: more.map(({ ssh, site }, index) => ({ ...at(logins.moreApplications[index]!, ssh!, placement.moreApplications[index]!, "application"), site: site! })) }),
  };
}

async function sshHost(name: string, { ssh, hostKey }: Pick<Settings["hosts"]["application"], "ssh" | "hostKey">): Promise<SshHost> {
  const login = parseLogin(ssh!);
  if (hostKey === undefined) throw new Refusal(`${await unknownKey(login, `houseline:hosts.${name}.hostKey`)}\nNothing was changed.`);
  return { ...login, hostKey };
}

/** Runs a shell script on a host. */
export function runThere({ ssh }: Pick<StackHost, "ssh">, script: string, options: RunOptions = {}): Promise<Outcome> {
  return ssh ? runOver(ssh.host, ssh.files, script, options) : run("sh", ["-c", script], options);
}

/** A word of a shell script, whatever is in it. */
export const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;

/** Where a stack keeps the data of its people on its hosts. */
export function dataDirectoryOf(settings: Settings, stack: string, root: string): string {
  return settings.dataDirectory ?? (settings.hosts.kind === "local" ? join(root, ".houseline", "data", stack) : `/var/lib/houseline/${stack}`);
}
