import { closeSync, existsSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { ownDataDirectory } from "../pulumi/data-directory.ts";
import { docker, runDocker } from "../pulumi/docker-cli.ts";
import { Refusal } from "../pulumi/refusal.ts";
import { clientsOf, dataDirectoryOf, quoted, runThere, type StackHosts } from "../pulumi/stack-hosts.ts";
import type { Settings } from "../pulumi/settings.ts";
import { partsIn, writeParts, type PartName } from "./backup-archive.ts";
import { runProgram, type DataPlace } from "./backup-program.ts";
import { loadSettings, type Environment } from "./environment.ts";
import { Failure } from "./failure.ts";
import { environmentOf, readOptions, stackOptions } from "./options.ts";
import { currentRelease, imagesFor } from "./releases.ts";
import { answeringApplication, hostsOf } from "./hosts.ts";
import { root } from "./paths.ts";
import { useOwnTools } from "./setup/index.ts";
import { isSwitch, stackContainers, type StackContainer } from "../pulumi/stack-containers.ts";
import { holdingLock } from "./stack-lock.ts";
import { confirm, say, step } from "./terminal.ts";

/** Hosts with data of the stack: people and all they have, and where switches are elsewhere, voicemail. */
type Places = { application: DataPlace } & Partial<Record<PartName, DataPlace>>;

/** `./houseline backup [stack]`: people, messages, history and voicemail into one file, while everything runs. */
export async function backup(args: string[]): Promise<number> {
  const parsed = readOptions("backup", args, { ...stackOptions, to: { type: "string" } }, 1);
  const target = environmentOf(parsed);
  const settings = loadSettings(target);
  const { places } = await keptBy(target, settings);
  const several = Object.keys(places).length > 1;
  const file = resolve(parsed.values.to ?? `houseline-${target.stack}-${new Date().toISOString().slice(0, 19).replace(/[:T]/g, "-")}.tar${several ? "" : ".gz"}`);
  if (existsSync(file)) throw new Failure(`${file} is there already. Give another name after --to.`);
  const { directory } = places.application;
  if ((await runThere(places.application.host, `[ -d ${quoted(directory)} ]`)).code !== 0) throw new Failure(`The stack '${target.stack}' has no data: ${directory} is not there. Nothing was written.`);
  const missing: string[] = [];
  const partOf = (name: PartName, place: DataPlace) => async (descriptor: number): Promise<boolean> => {
    const why = name === "application" ? undefined : await lacking(place);
    if (why === undefined) await runProgram(place, "back-up", ["/data", target.stack], { to: descriptor });
    else missing.push(`The voicemail of ${place.host.name} is not in it: ${why}`);
    return why === undefined;
  };
  await step(`Backing up ${directory}`, () => written(file, (descriptor) => writeParts(descriptor, new Map(Object.entries(places).map(([name, place]) => [name as PartName, partOf(name as PartName, place)])))));
  say(`${file} (${(statSync(file).size / 1e6).toFixed(1)} MB) has the ${settings.secrets.databaseUrl === undefined ? "database and the voicemail" : "voicemail"} of '${target.stack}'.`);
  for (const sentence of missing) say(sentence);
  if (settings.secrets.databaseUrl !== undefined) say("People, messages and history are in PostgreSQL: back that up by pg_dump.");
  say("Keep it as you keep passwords: it has everybody's messages.");
  return missing.length === 0 ? 0 : 1;
}

/** Why a host's voicemail can't be had; its loss shall not keep people from being backed up. */
async function lacking(place: DataPlace): Promise<string | undefined> {
  try {
    if ((await runThere(place.host, `[ -d ${quoted(place.directory)} ]`)).code !== 0) return `${place.directory} is not there.`;
    await refuseWithoutImage(place);
    return undefined;
  } catch (error) {
    if (error instanceof Refusal || error instanceof Failure) return error.message;
    throw error;
  }
}

/** `./houseline restore [stack] --from FILE`: puts a backup in the place of the data; what was there is moved aside. */
export async function restore(args: string[]): Promise<number> {
  const parsed = readOptions("restore", args, { ...stackOptions, from: { type: "string" }, yes: { type: "boolean" } }, 1);
  const target = environmentOf(parsed);
  const settings = loadSettings(target);
  const file = parsed.values.from;
  if (file === undefined) throw new Failure("Say which backup: './houseline restore --from FILE'.");
  if (!existsSync(file) || !statSync(file).isFile()) throw new Failure(`There is no file ${resolve(file)}. Give one that './houseline backup' wrote.`);
  const { hosts, places } = await keptBy(target, settings);
  const deliveries = deliveriesOf(file, places);
  await holdingLock(target, "./houseline restore", async () => {
    const { what, receivers } = await unpack(file, deliveries, target.stack);
    const running = (await stackContainers(clientsOf(hosts), target.stack)).filter(({ role, state }) => (role === "app-server" || isSwitch(role)) && state === "running");
    try {
      await agree(parsed.values.yes ?? false, `Put the backup of '${what.stack}' of ${what.time} in the place of the data of '${target.stack}'${running.length > 0 ? ", and end every call meanwhile" : ""}?`);
    } catch (error) {
      await drop(receivers);
      throw error;
    }
    const aside = await step(`Restoring ${places.application.directory}`, () => whileStopped(running, settings.healthySeconds, () => put(receivers)));
    say(`'${target.stack}' has the data of ${what.time} again.${aside.length === 0 ? "" : ` What was there is in ${aside.join(" and ")}.`}`);
  });
  const { standby } = places;
  if (!standby && partsIn(file)?.has("standby")) say("The voicemail of a softswitch in reserve is in the backup too, and was left there: this stack has none.");
  return 0;
}

/** Where the data is, and images whose Node runs the programs that know it. */
async function keptBy(target: Environment, settings: Settings): Promise<{ hosts: StackHosts; places: Places }> {
  useOwnTools();
  const hosts = await hostsOf(settings, target);
  const release = currentRelease(target);
  if (release?.images["app-server"] === undefined) throw new Failure(`The stack '${target.stack}' was never deployed from here. Type './houseline up${target.stack === "local" ? "" : ` ${target.stack}`}' first: its release has what reads and writes backups.`);
  const directory = dataDirectoryOf(settings, target.stack, root);
  const { softswitch, standby } = hosts;
  const application = await answeringApplication(hosts);
  const image = imagesFor(application, release)["app-server"]!;
  const places: Places = {
    application: { host: application, image, directory },
    ...(softswitch !== application && { softswitch: { host: softswitch, image: release.images.edge!, directory } }),
    ...(standby && { standby: { host: standby, image: imagesFor(standby, release).edge!, directory } }),
  };
  await docker(application.client, ["version", "--format", "{{.Server.Version}}"]);
  await refuseWithoutImage(places.application);
  return { hosts, places };
}

async function refuseWithoutImage({ host, image }: DataPlace): Promise<void> {
  if ((await runDocker(host.client, ["image", "inspect", image])).code !== 0) throw new Failure(`The image ${image} of the release that runs is not on ${host.ssh ? host.name : "this host"} any more. Type './houseline up' first.`);
}

/** Whole or not at all, for its user alone. */
async function written(file: string, work: (descriptor: number) => Promise<void>): Promise<void> {
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

/** What a host is given of a part of a backup: all of it, or people or messages alone. */
interface Delivery { place: DataPlace; what: "everything" | "database" | "voicemail"; from: { file: string; offset: number; length: number }; always: boolean }

/** A stack may have other hosts than the one that was backed up: voicemail of the first switch goes to the first switch. */
function deliveriesOf(file: string, { application, softswitch, standby }: Places): Delivery[] {
  const parts = partsIn(file);
  if (!parts) throw new Failure(`${resolve(file)} can't be restored: it is no archive of './houseline backup', or it is not whole. Nothing was changed.`);
  const of = (part: PartName | "whole", place: DataPlace | undefined, what: Delivery["what"], always = true): Delivery[] => {
    const extent = parts.get(part);
    return extent && place ? [{ place, what, from: { file, ...extent }, always }] : [];
  };
  if (parts.has("whole")) return softswitch ? [...of("whole", application, "database"), ...of("whole", softswitch, "voicemail", false)] : of("whole", application, "everything");
  return [...of("application", application, softswitch ? "everything" : "database"), ...of("softswitch", softswitch ?? application, "voicemail"), ...of("standby", standby, "voicemail")];
}

interface Unpacked { stack: string; time: string; messages: boolean }

/** Everything is checked on its host before anything is changed there. */
async function unpack(file: string, deliveries: readonly Delivery[], stack: string): Promise<{ what: Unpacked; receivers: readonly DataPlace[] }> {
  const receivers = new Set<DataPlace>();
  let first: Unpacked | undefined;
  try {
    for (const { place, what, from, always } of deliveries) {
      if (!receivers.has(place)) {
        // One that can't be reached says so in a sentence.
        await runThere(place.host, "true");
        await refuseWithoutImage(place);
        await ownDataDirectory(place.host, place.directory, stack, place.image);
      }
      const told = JSON.parse(await runProgram(place, "restore", [receivers.has(place) ? "add" : "unpack", "/data", what], { from })) as Unpacked;
      first ??= told;
      // A backup of before this stack had two hosts may have no messages: then those that are there stay.
      if (always || told.messages) receivers.add(place);
      else await drop([place]);
    }
    return { what: first!, receivers: [...receivers] };
  } catch (error) {
    await drop([...receivers]);
    throw new Failure(`${resolve(file)} can't be restored: ${(error as Error).message}${/\.$/.test((error as Error).message) ? "" : "."} Nothing was changed.`);
  }
}

async function drop(places: readonly DataPlace[]): Promise<void> {
  for (const place of places) await runProgram(place, "restore", ["drop", "/data"]);
}

/** @returns where what was there is now */
async function put(places: readonly DataPlace[]): Promise<string[]> {
  const aside: string[] = [];
  for (const place of places) {
    const { aside: folder } = JSON.parse(await runProgram(place, "restore", ["put", "/data"])) as { aside: string };
    if (folder !== "") aside.push(`${place.directory}/${folder}${places.length > 1 ? ` of ${place.host.name}` : ""}`);
  }
  return aside;
}

async function whileStopped<T>(running: readonly StackContainer[], healthySeconds: number, work: () => Promise<T>): Promise<T> {
  for (const { client, id } of running.filter(({ role }) => role === "app-server")) await docker(client, ["stop", id]);
  // A switch that is told to stop would wait for its calls.
  for (const { client, id } of running.filter(({ role }) => role !== "app-server")) await docker(client, ["kill", id]);
  try {
    return await work();
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
