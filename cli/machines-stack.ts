import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Stack } from "@pulumi/pulumi/automation/index.js";
import { machinesOf, moreApplicationNames, type MachineName, type OfMachines } from "../pulumi/hcloud/addresses.ts";
import type { HostKey } from "../pulumi/hcloud/cloud-init.ts";
import { Machines, type MachinesArgs } from "../pulumi/hcloud/machines.ts";
import { run } from "../pulumi/process.ts";
import type { Settings } from "../pulumi/settings.ts";
import { moreSitesOf, standbySiteOf, switchSiteOf } from "../pulumi/sites.ts";
import { openStack } from "./engine.ts";
import type { Environment } from "./environment.ts";
import { Failure } from "./failure.ts";
import { keyFiles } from "./known-machines.ts";
import { machinesProject } from "./stack-lock.ts";

/** What is asked for besides the settings. */
export type Wanted = Pick<MachinesArgs, "unprotected" | "replace" | "adopted">;

/** Of the engine's two stacks the one that has the machines. */
export async function machinesStack(settings: Settings, environment: Environment, what: Wanted): Promise<Stack> {
  const token = tokenOf(settings);
  const publicKey = settings.hosts.hcloud.publicKey ?? await ownPublicKey(settings);
  const hostKeys = Object.fromEntries(await Promise.all(machinesOf({ ...settings.hosts.hcloud, servers: Math.max(2, settings.hosts.hcloud.servers) }).map(async (name) => [name, await hostKey(environment, name)]))) as unknown as OfMachines<HostKey>;
  const { hcloud: options } = settings.hosts;
  const program = async () => {
    const machines = new Machines("machines", {
      stack: environment.stack, ports: settings.ports, turn: settings.turn.enabled, options, publicKey, hostKeys, ...what,
      names: sitesOf(settings),
    });
    return machines.made;
  };
  // By the environment: it is in no state, and on no command line.
  return openStack(environment, machinesProject, program, { HCLOUD_TOKEN: token });
}

/** Name that browsers use for each. */
export function sitesOf(settings: Settings): OfMachines<string> {
  const standby = standbySiteOf(settings);
  const more = moreSitesOf(settings).map((site, index) => [moreApplicationNames[index]!, site] as const);
  return { softswitch: settings.hosts.hcloud.servers === 1 ? settings.site : switchSiteOf(settings), application: settings.site, ...(standby !== undefined && { standby }), ...Object.fromEntries(more) };
}

/** The public half of the key that hosts are logged into with. */
async function ownPublicKey({ hosts: { identityFile } }: Settings): Promise<string> {
  const candidates = identityFile === undefined ? ["id_ed25519", "id_ecdsa", "id_rsa"].map((name) => join(homedir(), ".ssh", name)) : [identityFile.replace(/^~(?=\/)/, homedir())];
  const found = candidates.map((path) => `${path}.pub`).find((path) => existsSync(path));
  if (found === undefined) throw new Failure(`There is no public key to log in with: ${candidates.map((path) => `${path}.pub`).join(", ")}. Type 'ssh-keygen -t ed25519', or give one as 'houseline:hosts.hcloud.publicKey'. Nothing was changed.`);
  return readFileSync(found, "utf8").trim();
}

/** Made once, before the host. */
async function hostKey(environment: Environment, name: MachineName): Promise<HostKey> {
  const { path, publicKey } = keyFiles(environment, name);
  if (!existsSync(`${path}.pub`)) {
    mkdirSync(join(environment.directory, "host-keys"), { recursive: true, mode: 0o700 });
    const { code, stderr } = await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", `houseline ${name}`, "-f", path]);
    if (code !== 0) throw new Failure(`A key for the host ${name} could not be made (${stderr.trim()}).`);
  }
  return { publicKey: publicKey(), privateKey: readFileSync(path, "utf8") };
}

export function tokenOf({ hosts: { hcloud } }: Settings): string {
  const token = hcloud.token ?? process.env.HCLOUD_TOKEN;
  if (!token) throw new Failure("There is no token for Hetzner Cloud: make one in its console (the project, Security, API tokens, read and write), and give it as HCLOUD_TOKEN in the environment or as the secret 'houseline:hosts.hcloud.token'. Nothing was changed.");
  return token;
}
