import { existsSync, rmSync } from "node:fs";
import { docker, runDocker, type DockerClient } from "../pulumi/docker-cli.ts";
import { clientsOf, dataDirectoryOf, eachHost, quoted, runThere, type StackHosts } from "../pulumi/stack-hosts.ts";
import { Diagnostics, engineStack } from "./engine.ts";
import { mendCheckpoint } from "./engine-state.ts";
import { loadSettings, type Environment } from "./environment.ts";
import { Failure } from "./failure.ts";
import { environmentOf, readOptions, stackOptions } from "./options.ts";
import { hostsOf } from "./hosts.ts";
import { knownFile } from "./known-machines.ts";
import { root } from "./paths.ts";
import { dockerEngine } from "./setup/docker-engine.ts";
import { neededBy, withoutBuilding, setUp, useOwnTools } from "./setup/index.ts";
import { holdingLock } from "./stack-lock.ts";
import { isData, stackContainers } from "../pulumi/stack-containers.ts";
import type { Settings } from "../pulumi/settings.ts";
import { ask, confirm, say, step } from "./terminal.ts";

/** `./houseline down [stack]`: removes what `up` made; the data of people only with `--data`. */
export async function down(args: string[]): Promise<number> {
  const parsed = readOptions("down", args, { ...stackOptions, yes: { type: "boolean" }, data: { type: "boolean" } }, 1);
  const target = environmentOf(parsed);
  const settings = loadSettings(target);
  const data = parsed.values.data ?? false;
  const yes = parsed.values.yes ?? false;
  useOwnTools();
  if (settings.hosts.kind === "hcloud" && !existsSync(knownFile(target))) return endHalfMade(target, settings, { data, yes });
  const hosts = await hostsOf(settings, target);
  const running = !hosts.softswitch.ssh && await dockerEngine.find() === undefined ? [] : (await stackContainers(clientsOf(hosts), target.stack)).filter(({ state }) => state === "running");
  const question = `Remove the stack '${target.stack}'${running.length > 0 ? `, its ${running.length} running containers and every call in them` : ""}${data ? ", and the data of its people" : ""}?`;
  if (!yes) {
    const agreed = settings.hosts.kind === "local" ? await confirm(question) : await named(question, target.stack);
    if (agreed === undefined) throw new Failure("'./houseline down' asks before it removes anything, and nobody can be asked here. Add --yes.");
    if (!agreed) throw new Failure("Nothing was removed.");
  }
  await setUp(settings.hosts.kind === "local" ? withoutBuilding : neededBy(settings), { yes });
  const dataDirectory = dataDirectoryOf(settings, target.stack, root);
  await holdingLock(target, "./houseline down", () => step(`Removing the stack '${target.stack}'`, () => remove(target, hosts)));
  const isCloud = settings.hosts.kind === "hcloud";
  if (data && isCloud) await step("Removing the servers at Hetzner Cloud", async () => (await import("./machines-change.ts")).end(settings, target));
  else if (data) await removeData(target, hosts, dataDirectory);
  // The people in kept data sign in with the passwords kept here; the engine knows the servers that stay.
  if (data) rmSync(target.directory, { recursive: true, force: true });
  else if (!isCloud) rmSync(`${target.directory}/state`, { recursive: true, force: true });
  if (isCloud && !data) say(`The servers at Hetzner Cloud stay, with the data, and go on to cost; './houseline down ${target.stack} --data' ends them.`);
  say(data ? "Removed, with the data of its people." : `Removed. The data of its people stays in ${dataDirectory}; './houseline down --data' removes it too.`);
  return 0;
}

/** Servers that were never ready: nothing runs on them, and what is there of them costs. */
async function endHalfMade(target: Environment, settings: Settings, { data, yes }: { data: boolean; yes: boolean }): Promise<number> {
  if (!data) throw new Failure(`The servers of '${target.stack}' were never made to their end, so nothing runs there. './houseline down ${target.stack} --data' ends what there is of them at Hetzner Cloud.`);
  const agreed = yes || await named(`End what there is of the stack '${target.stack}' at Hetzner Cloud?`, target.stack);
  if (agreed === undefined) throw new Failure("'./houseline down' asks before it removes anything, and nobody can be asked here. Add --yes.");
  if (!agreed) throw new Failure("Nothing was removed.");
  await setUp(neededBy(settings), { yes });
  await holdingLock(target, "./houseline down", () => step("Removing what was made at Hetzner Cloud", async () => (await import("./machines-change.ts")).end(settings, target)));
  rmSync(target.directory, { recursive: true, force: true });
  say("Removed.");
  return 0;
}

/** A stack where people work is not removed by the key that is under the finger. */
async function named(question: string, stack: string): Promise<boolean | undefined> {
  const answer = await ask(`${question} Type its name to have it done:`);
  return answer === undefined ? undefined : answer.trim() === stack;
}

async function remove(target: Environment, hosts: StackHosts): Promise<void> {
  const clients = clientsOf(hosts);
  // Nobody waits here for an hour's drain: whoever removes a stack has agreed to end its calls.
  const running = (await stackContainers(clients, target.stack)).filter((container) => !isData(container) && container.state !== "created");
  await Promise.all(running.map(({ client, id }) => runDocker(client, ["kill", id])));
  mendCheckpoint(target);
  const stack = await engineStack(target);
  const diagnostics = new Diagnostics();
  try {
    await stack.destroy({ refresh: true, suppressProgress: true, suppressOutputs: true, onEvent: diagnostics.listen });
  } catch (error) {
    throw diagnostics.failure(error);
  } finally {
    for (const client of clients) await sweep(client, target.stack);
  }
}

/** What the engine doesn't know of (it was killed between creating and recording) is found by its labels. */
async function sweep(client: DockerClient, stack: string): Promise<void> {
  const left = await stackContainers([client], stack);
  if (left.length > 0) await runDocker(client, ["rm", "--force", "--volumes", ...left.map(({ id }) => id)]);
  const volumes = (await docker(client, ["volume", "ls", "--quiet", "--filter", `label=houseline.stack=${stack}`])).split("\n").filter(Boolean);
  if (volumes.length > 0) await runDocker(client, ["volume", "rm", "--force", ...volumes]);
}

async function removeData(target: Environment, hosts: StackHosts, directory: string): Promise<void> {
  for (const host of eachHost(hosts)) {
    const { code, stderr } = await runThere(host, `rm -rf -- ${quoted(directory)}`);
    if (code !== 0) throw new Failure(`The stack '${target.stack}' was removed, but not the data of its people in ${directory}${host.ssh ? ` on ${host.name}` : ""} (${stderr.trim().split("\n").at(-1)}). Remove that folder as root.`);
  }
}

