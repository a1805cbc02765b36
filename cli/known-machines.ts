import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { machinesOf, moreApplicationNames, type Machine, type MachineName, type OfMachines } from "../pulumi/hcloud/addresses.ts";
import type { Settings } from "../pulumi/settings.ts";
import type { Environment } from "./environment.ts";
import { Failure } from "./failure.ts";

/** The servers of a stack at Hetzner Cloud, as the last `up` found them. */
export type Known = OfMachines<Machine>;

export const machineNamesOf = ({ hosts }: Pick<Settings, "hosts">): MachineName[] => machinesOf(hosts.hcloud);

export const knownFile = ({ directory }: Environment) => join(directory, "machines.json");

/** Servers that the next `up` makes. */
export function machinesToMake(settings: Settings, environment: Environment): MachineName[] {
  if (settings.hosts.kind !== "hcloud") return [];
  const known = existsSync(knownFile(environment)) ? readKnown(environment) : undefined;
  return machineNamesOf(settings).filter((name) => known?.[name] === undefined);
}

const readKnown = (environment: Environment) => JSON.parse(readFileSync(knownFile(environment), "utf8")) as Known;

/** The settings as they are once the servers are there: hosts that are reached over SSH. */
export function withMachines(settings: Settings, environment: Environment): Settings {
  if (settings.hosts.kind !== "hcloud") return settings;
  if (!existsSync(knownFile(environment))) throw new Failure(`The servers of '${environment.stack}' are not made yet. Type './houseline up ${environment.stack}'.`);
  const known = readKnown(environment);
  const host = (name: MachineName) => {
    const machine = known[name];
    if (machine === undefined) throw new Failure(`A server of '${environment.stack}', the ${name}, is not made yet. Type './houseline up ${environment.stack}'.`);
    return { ssh: `root@${machine.public}`, hostKey: keyFiles(environment, name).publicKey(), private: machine.private, public: machine.public, public6: machine.ipv6 };
  };
  const { servers } = settings.hosts.hcloud;
  const standby = servers === 3 ? { ...host("standby"), site: settings.hosts.standby.site } : {};
  const moreApplications = settings.hosts.moreApplications?.map(({ site }, index) => ({ ...host(moreApplicationNames[index]!), site }));
  return { ...settings, hosts: { ...settings.hosts, kind: "ssh", ...(moreApplications && { moreApplications }), softswitch: host("softswitch"), application: servers === 1 ? {} : host("application"), standby } };
}

/** The key that a host must show, made here before the host. */
export function keyFiles({ directory }: Environment, name: MachineName) {
  const path = join(directory, "host-keys", name);
  return { path, publicKey: () => readFileSync(`${path}.pub`, "utf8").trim().split(" ").slice(0, 2).join(" ") };
}
