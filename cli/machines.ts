import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { OutputMap, Stack } from "@pulumi/pulumi/automation/index.js";
import type { MachineName, OfMachines } from "../pulumi/hcloud/addresses.ts";
import { readyFile, type HostKey } from "../pulumi/hcloud/cloud-init.ts";
import { Machines, type MachinesArgs } from "../pulumi/hcloud/machines.ts";
import { run } from "../pulumi/process.ts";
import { Refusal } from "../pulumi/refusal.ts";
import type { Settings } from "../pulumi/settings.ts";
import { standbySiteOf, switchSiteOf } from "../pulumi/sites.ts";
import { eachHost, runThere, stackHosts, type StackHost } from "../pulumi/stack-hosts.ts";
import { Diagnostics, openStack } from "./engine.ts";
import type { Environment } from "./environment.ts";
import { Failure } from "./failure.ts";
import { keyFiles, knownFile, withMachines, type Known } from "./known-machines.ts";
import { dockerClient } from "./setup/docker-engine.ts";
import { say, step } from "./terminal.ts";
import { writeWhole } from "./whole-file.ts";

/** Of the engine's two stacks this one has the machines. */
const project = "houseline-machines";
const serverType = "houseline:hcloud:Machines$hcloud:index/server:Server";
/** In this order: of fewer servers the first. */
const machineNames = ["softswitch", "application", "standby"] as const satisfies readonly MachineName[];
const namesOf = ({ hosts }: Pick<Settings, "hosts">) => machineNames.slice(0, hosts.hcloud.servers);
/** As sentences name what is on it. */
const whose: Record<MachineName, string> = { softswitch: "the softswitch", application: "the application server", standby: "the softswitch in reserve" };
/** Starting, the network, Debian's packages. */
const readySeconds = 900;
const firstPauseMs = 2_000;
const mostPauseMs = 15_000;

/**
 * Makes the servers of a stack at Hetzner Cloud, or changes what of them can be changed, and waits until they are ready.
 *
 * @param replace the one that is to be made anew
 */
export async function makeMachines(settings: Settings, environment: Environment, replace?: MachineName): Promise<void> {
  if (replace !== undefined && !namesOf(settings).includes(replace)) throw new Failure(`'--replace-host ${replace}': the stack has no server of its own for ${whose[replace]} ('houseline:hosts.hcloud.servers' is ${settings.hosts.hcloud.servers}). Nothing was changed.`);
  const outputs = await step("Servers at Hetzner Cloud", async (note) => {
    if (replace !== undefined) {
      // The cloud itself refuses to end a protected server.
      note("taking its protection away");
      await change(settings, environment, { unprotected: replace });
      note(`making ${replace} anew`);
      await change(settings, environment, { unprotected: replace, replace });
    }
    return change(settings, environment, {});
  });
  const known = Object.fromEntries(machineNames.flatMap((name) => (outputs[name] ? [[name, outputs[name].value as unknown]] : []))) as unknown as Known;
  writeWhole(knownFile(environment), `${JSON.stringify(known)}\n`);
  for (const name of namesOf(settings)) say(`  ${sitesOf(settings)[name]} is to lead to ${known[name]!.public} (an A record) and to ${known[name]!.ipv6} (AAAA).`);
  tellOtherSetups(known, settings, environment);
  for (const host of eachHost(await stackHosts(withMachines(settings, environment), environment.directory, dockerClient()))) await step(`${host.name}: first start`, (note) => ready(host, note));
}

type Change = Pick<MachinesArgs, "unprotected" | "replace">;

async function change(settings: Settings, environment: Environment, what: Change): Promise<OutputMap> {
  const stack = await machinesStack(settings, environment, what);
  const diagnostics = new Diagnostics();
  const replace = what.replace === undefined ? {} : { replace: [`urn:pulumi:${environment.stack}::${project}::${serverType}::${what.replace}-server`] };
  try {
    return (await stack.up({ ...replace, suppressProgress: true, suppressOutputs: true, onEvent: diagnostics.listen })).outputs;
  } catch (error) {
    throw diagnostics.failure(error);
  }
}

/** Ends the servers, and all that is on their disks. */
export async function removeMachines(settings: Settings, environment: Environment): Promise<void> {
  const unprotected = { ...settings, hosts: { ...settings.hosts, hcloud: { ...settings.hosts.hcloud, deleteProtection: false } } };
  await change(unprotected, environment, {});
  const stack = await machinesStack(unprotected, environment, {});
  const diagnostics = new Diagnostics();
  try {
    await stack.destroy({ suppressProgress: true, suppressOutputs: true, onEvent: diagnostics.listen });
  } catch (error) {
    throw diagnostics.failure(error);
  }
}

async function machinesStack(settings: Settings, environment: Environment, what: Change): Promise<Stack> {
  const token = settings.hosts.hcloud.token ?? process.env.HCLOUD_TOKEN;
  if (!token) throw new Failure("There is no token for Hetzner Cloud: make one in its console (the project, Security, API tokens, read and write), and give it as HCLOUD_TOKEN in the environment or as the secret 'houseline:hosts.hcloud.token'. Nothing was changed.");
  const publicKey = settings.hosts.hcloud.publicKey ?? await ownPublicKey(settings);
  const hostKeys = Object.fromEntries(await Promise.all(machineNames.slice(0, Math.max(2, settings.hosts.hcloud.servers)).map(async (name) => [name, await hostKey(environment, name)]))) as unknown as OfMachines<HostKey>;
  const { hcloud: options } = settings.hosts;
  const program = async () => {
    const machines = new Machines("machines", {
      stack: environment.stack, ports: settings.ports, turn: settings.turn.enabled, options, publicKey, hostKeys, ...what,
      names: sitesOf(settings),
    });
    return { softswitch: machines.softswitch, application: machines.application, ...(machines.standby && { standby: machines.standby }) };
  };
  // By the environment: it is in no state, and on no command line.
  return openStack(environment, project, program, { HCLOUD_TOKEN: token });
}

/** Name that browsers use for each. */
function sitesOf(settings: Settings): OfMachines<string> {
  const standby = standbySiteOf(settings);
  return { softswitch: settings.hosts.hcloud.servers === 1 ? settings.site : switchSiteOf(settings), application: settings.site, ...(standby !== undefined && { standby }) };
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

function tellOtherSetups(known: Known, settings: Settings, { stack }: Environment): void {
  for (const name of namesOf(settings)) {
    const { setup, wantedSetup, public: address } = known[name]!;
    if (setup === wantedSetup) continue;
    say(`  The host of ${whose[name]} was made with another set-up than a new one would be (image or first start): it stays as it is. './houseline prepare root@${address}' brings it up to date in place; './houseline up ${stack} --replace-host ${name}' makes it anew, without what is on its disk.`);
  }
}

/** A host that starts answers late, and reports once; its own words when its first start failed. */
async function ready(host: StackHost, note: (what: string) => void): Promise<void> {
  let pause = firstPauseMs;
  for (const end = Date.now() + readySeconds * 1_000; ; pause = Math.min(pause * 1.5, mostPauseMs)) {
    const report = await runThere(host, `cat ${readyFile} 2> /dev/null`, { timeoutSeconds: 60 }).then(({ stdout }) => stdout.trim(), (error: unknown) => {
      // Another key will not become the right one.
      if (!(error instanceof Refusal) || /another key/.test(error.message)) throw error;
      return undefined;
    });
    if (report === "ready") return;
    if (report) throw new Failure(`The first start of ${host.name} failed:\n${report.split("\n").map((line) => `  ${line}`).join("\n")}\nMend it there and type './houseline prepare ${host.name}', then write 'ready' into ${readyFile}; or make it anew with --replace-host.`);
    if (Date.now() > end) throw new Failure(`${host.name} was not ready within ${readySeconds / 60} minutes. Its console shows how its start went.`);
    note(report === undefined ? "starting" : "setting itself up");
    await delay(pause * (0.8 + Math.random() * 0.4));
  }
}
