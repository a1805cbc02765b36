import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { uid } from "../pulumi/containers.ts";
import { ownDataDirectory } from "../pulumi/data-directory.ts";
import { docker, environmentOf as dockerEnvironment, runDocker } from "../pulumi/docker-cli.ts";
import { clientsOf, dataDirectoryOf, quoted, runThere, type StackHost, type StackHosts } from "../pulumi/stack-hosts.ts";
import type { Settings } from "../pulumi/settings.ts";
import { loadSettings, type Environment } from "./environment.ts";
import { Failure } from "./failure.ts";
import { environmentOf, readOptions, stackOptions } from "./options.ts";
import { currentRelease } from "./releases.ts";
import { hostsOf } from "./hosts.ts";
import { root } from "./paths.ts";
import { useOwnTools } from "./setup/index.ts";
import { stackContainers, type StackContainer } from "../pulumi/stack-containers.ts";
import { holdingLock } from "./stack-lock.ts";
import { confirm, say, step } from "./terminal.ts";

/** Who has the data open: the application server, and a switch its voicemail. */
const keepers = new Set(["app-server", "freeswitch", "lab-switch"]);

/** `./houseline backup [stack]`: people, messages, history and voicemail into one file, while everything runs. */
export async function backup(args: string[]): Promise<number> {
  const parsed = readOptions("backup", args, { ...stackOptions, to: { type: "string" } }, 1);
  const target = environmentOf(parsed);
  const settings = loadSettings(target);
  const file = resolve(parsed.values.to ?? `houseline-${target.stack}-${new Date().toISOString().slice(0, 19).replace(/[:T]/g, "-")}.tar.gz`);
  if (existsSync(file)) throw new Failure(`${file} is there already. Give another name after --to.`);
  const { host, hosts, image, directory } = await keptBy(target, settings);
  if ((await runThere(host, `[ -d ${quoted(directory)} ]`)).code !== 0) throw new Failure(`The stack '${target.stack}' has no data: ${directory} is not there. Nothing was written.`);
  await step(`Backing up ${directory}`, () => written(file, (descriptor) => runInImage(host, image, directory, ["app/server/backup/back-up.ts", "/data", target.stack], ["ignore", descriptor, "pipe"])));
  say(`${file} (${(statSync(file).size / 1e6).toFixed(1)} MB) has the ${settings.secrets.databaseUrl === undefined ? "database and the voicemail" : "voicemail"} of '${target.stack}'.`);
  if (settings.secrets.databaseUrl !== undefined) say("People, messages and history are in PostgreSQL: back that up by pg_dump.");
  if (hosts.softswitch !== hosts.application) say(`Voicemail is on the softswitch's host: ${directory}/voicemail of ${hosts.softswitch.name} is not in it.`);
  say("Keep it as you keep passwords: it has everybody's messages.");
  return 0;
}

/** `./houseline restore [stack] --from FILE`: puts a backup in the place of the data; what was there is moved aside. */
export async function restore(args: string[]): Promise<number> {
  const parsed = readOptions("restore", args, { ...stackOptions, from: { type: "string" }, yes: { type: "boolean" } }, 1);
  const target = environmentOf(parsed);
  const settings = loadSettings(target);
  const file = parsed.values.from;
  if (file === undefined) throw new Failure("Say which backup: './houseline restore --from FILE'.");
  if (!existsSync(file) || !statSync(file).isFile()) throw new Failure(`There is no file ${resolve(file)}. Give one that './houseline backup' wrote.`);
  const { host, hosts, image, directory } = await keptBy(target, settings);
  await holdingLock(target, "./houseline restore", async () => {
    await ownDataDirectory(host, directory, target.stack, image);
    const what = await unpack(host, image, directory, file);
    const running = (await stackContainers(clientsOf(hosts), target.stack)).filter(({ role, state }) => keepers.has(role) && state === "running");
    try {
      await agree(parsed.values.yes ?? false, `Put the backup of '${what.stack}' of ${what.time} in the place of the data of '${target.stack}'${running.length > 0 ? ", and end every call meanwhile" : ""}?`);
    } catch (error) {
      await runInImage(host, image, directory, ["app/server/backup/restore.ts", "drop", "/data"]);
      throw error;
    }
    const aside = await step(`Restoring ${directory}`, () => put(host, { image, directory, running, healthySeconds: settings.healthySeconds }));
    say(`'${target.stack}' has the data of ${what.time} again.${aside === "" ? "" : ` What was there is in ${directory}/${aside}.`}`);
  });
  return 0;
}

/** Where the data is, and the image whose programs know it. */
async function keptBy(target: Environment, settings: Settings): Promise<{ host: StackHost; hosts: StackHosts; image: string; directory: string }> {
  useOwnTools();
  const hosts = await hostsOf(settings, target);
  const host = hosts.application;
  const image = currentRelease(target)?.images["app-server"];
  if (image === undefined) throw new Failure(`The stack '${target.stack}' was never deployed from here. Type './houseline up${target.stack === "local" ? "" : ` ${target.stack}`}' first: its release has what reads and writes backups.`);
  await docker(host.client, ["version", "--format", "{{.Server.Version}}"]);
  if ((await runDocker(host.client, ["image", "inspect", image])).code !== 0) throw new Failure(`The image ${image} of the release that runs is not on this host any more. Type './houseline up' first.`);
  return { host, hosts, image, directory: dataDirectoryOf(settings, target.stack, root) };
}

/** Whole or not at all, for its user alone. */
async function written(file: string, work: (descriptor: number) => Promise<string>): Promise<void> {
  const part = `${file}.part`;
  const descriptor = openSync(part, "w", 0o600);
  try {
    await work(descriptor);
    renameSync(part, file);
  } finally {
    closeSync(descriptor);
    rmSync(part, { force: true });
  }
}

async function unpack(host: StackHost, image: string, directory: string, file: string): Promise<{ stack: string; time: string }> {
  const descriptor = openSync(file, "r");
  try {
    return JSON.parse(await runInImage(host, image, directory, ["app/server/backup/restore.ts", "unpack", "/data"], [descriptor, "pipe", "pipe"])) as { stack: string; time: string };
  } catch (error) {
    throw new Failure(`${resolve(file)} can't be restored: ${(error as Error).message}. Nothing was changed.`);
  } finally {
    closeSync(descriptor);
  }
}

async function put(host: StackHost, { image, directory, running, healthySeconds }: { image: string; directory: string; running: StackContainer[]; healthySeconds: number }): Promise<string> {
  for (const { client, id } of running.filter(({ role }) => role === "app-server")) await docker(client, ["stop", id]);
  // A switch that is told to stop would wait for its calls.
  for (const { client, id } of running.filter(({ role }) => role !== "app-server")) await docker(client, ["kill", id]);
  try {
    return (JSON.parse(await runInImage(host, image, directory, ["app/server/backup/restore.ts", "put", "/data"])) as { aside: string }).aside;
  } finally {
    for (const { client, id } of running) await docker(client, ["start", id]);
    await healthy(running, healthySeconds);
  }
}

async function healthy(containers: readonly StackContainer[], seconds: number): Promise<void> {
  for (const end = Date.now() + seconds * 1_000; ; await new Promise((resolve) => setTimeout(resolve, 300))) {
    const states = await Promise.all(containers.map(({ client, id }) => docker(client, ["inspect", "--format", "{{.State.Health.Status}}", id])));
    if (states.every((state) => state.trim() === "healthy")) return;
    if (Date.now() > end) throw new Failure("The data was restored, but not every container became healthy with it again. './houseline status' shows which.");
  }
}

async function agree(yes: boolean, question: string): Promise<void> {
  if (yes) return;
  const agreed = await confirm(question);
  if (agreed === undefined) throw new Failure("'./houseline restore' asks before it replaces anything, and nobody can be asked here. Add --yes.");
  if (!agreed) throw new Failure("Nothing was changed.");
}

type Stdio = "ignore" | "pipe" | number;

/** A one-shot program of the application server's image in the data directory, as the user whose it is. */
function runInImage({ client }: StackHost, image: string, directory: string, words: readonly string[], stdio: [Stdio, Stdio, Stdio] = ["ignore", "pipe", "pipe"]): Promise<string> {
  const args = ["run", "--rm", "--interactive", "--network", "none", "--read-only", "--cap-drop", "ALL", "--user", `${uid}:${uid}`, "--volume", `${directory}:/data`,
    "--entrypoint", "node", image, "--disable-warning=ExperimentalWarning", ...words];
  return new Promise((resolve, reject) => {
    const child = spawn(client.path, args, { stdio, env: { ...process.env, ...dockerEnvironment(client) } });
    let [output, complaint] = ["", ""];
    child.stdout?.setEncoding("utf8").on("data", (text: string) => { output += text; });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => { complaint = `${complaint}${text}`.slice(-4_000); });
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(output) : reject(new Failure(complaint.trim().split("\n").at(-1) || `it ended with ${code}`))));
  });
}
