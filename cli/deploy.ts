import type { Stack } from "@pulumi/pulumi/automation/index.js";
import { ownDataDirectory } from "../pulumi/data-directory.ts";
import { runDocker, type DockerClient } from "../pulumi/docker-cli.ts";
import { fullDisk } from "../pulumi/full-disk.ts";
import { dockersOf, type Prepared } from "../pulumi/program.ts";
import { ensureImages, imagesOn, planImages, takeInventory, type PlannedImages } from "../pulumi/images.ts";
import { pageUrl, sipUrl } from "../pulumi/sites.ts";
import { clientsOf, dataDirectoryOf, eachHost, switchHosts, type StackHost, type StackHosts } from "../pulumi/stack-hosts.ts";
import { tlsOf } from "../pulumi/tls.ts";
import { findPublished } from "../pulumi/published.ts";
import type { Settings } from "../pulumi/settings.ts";
import { chooseSwitch } from "../pulumi/switch-choice.ts";
import { Diagnostics, engineStack } from "./engine.ts";
import { followHosts } from "./moved-hosts.ts";
import { mendCheckpoint } from "./engine-state.ts";
import { trimEngineHistory } from "./engine-history.ts";
import type { Environment } from "./environment.ts";
import { Failure } from "./failure.ts";
import { makeAuthority } from "./authority.ts";
import { hostsOf, refuseUnprepared } from "./hosts.ts";
import { interruptChildren } from "./interrupt.ts";
import { root } from "./paths.ts";
import { refuseFullDisks } from "./disks.ts";
import { removeOldImages } from "./old-images.ts";
import { collectOrphans, forgetPending } from "./orphans.ts";
import { refuseBusyPorts } from "./ports.ts";
import { Progress } from "./progress.ts";
import { beginRelease, imagesFor, isAsRecorded, type RecordedImages, type Release } from "./releases.ts";
import { findSlot, type Patience } from "./slots.ts";
import { isData, isHealthy, lastLog, stackContainers, type StackContainer } from "../pulumi/stack-containers.ts";
import { say, step } from "./terminal.ts";

export interface DeployOptions {
  /** As the audit line names it: `up`, `upgrade`, `rollback`. */
  command: string;
  /** Waits until old releases have finished their last call; otherwise that is left to Docker. */
  wait: boolean;
  /** What to do when older releases of the switch hold every slot. */
  patience: Patience;
  /** A recorded release, whose switch and images are deployed instead of what the files here would give. */
  release?: Pick<Release, "time" | "switch"> & RecordedImages;
}

export interface Deployed { outputs: { page: string; morePages?: string; sip: string; standby?: string; switch: string; why: string }; changes: number; drainingLeft: boolean }

/** Brings a stack to what its configuration and these files say. Nothing is stopped before its successor is healthy. */
export async function deploy(environment: Environment, settings: Settings, options: DeployOptions): Promise<Deployed> {
  const started = new Date();
  const mended = mendCheckpoint(environment);
  const preparing = prepare(environment, settings, options);
  // The engine takes a moment to open the stack: meanwhile Docker is asked what there is.
  const given = preparing.then(({ prepared }) => prepared);
  const opening = engineStack(environment, given);
  // What is refused is refused below, once.
  for (const promise of [given, opening]) promise.catch(() => undefined);
  const { prepared, before } = await preparing;
  const trusted = !mended && isAsRecorded(environment, before);
  const end = beginRelease(environment, started, {
    command: options.command, switch: prepared.choice.kind, settings,
    ...recordedImages(prepared),
  });
  let outcome: Deployed | undefined;
  let after: readonly StackContainer[] | undefined;
  try {
    await removeFailedReleases(before);
    ({ outcome, after } = await update(environment, await opening, prepared, !trusted, options.wait));
    after ??= await stackContainers(clientsOf(prepared.hosts), environment.stack);
    await verifyHealth(after);
  } catch (error) {
    record(() => end("failed", []), error as Error);
    throw error;
  }
  trimEngineHistory(environment);
  const serving = after.filter(isHealthy).map(({ id }) => id);
  record(() => end("deployed", serving));
  if (outcome.changes > 0 && !outcome.drainingLeft) for (const client of clientsOf(prepared.hosts)) await removeOldImages(client, settings.images);
  return outcome;
}

/** What was done is done, whether or not it can be written down. */
function record(write: () => void, cause?: Error): void {
  try {
    write();
  } catch (error) {
    const why = fullDisk((error as Error).message) ?? (error as Error).message;
    if (cause) say(`  This could not be recorded in the history: ${why}`);
    else throw new Failure(`Everything was deployed and is healthy, but that could not be recorded in the history: ${why}`);
  }
}

/** What is there already, and what the program is to be given. Every image is here before anything is stopped. */
async function prepare(environment: Environment, settings: Settings, { release, patience }: DeployOptions): Promise<{ prepared: Prepared; before: readonly StackContainer[] }> {
  const choice = release ? { kind: release.switch, why: `the release of ${release.time} had it` } : chooseSwitch(settings);
  const hosts = await hostsOf(settings, environment);
  const all = eachHost(hosts);
  await Promise.all(all.map((host) => refuseUnprepared(host, settings)));
  await makeAuthority(settings, environment.directory);
  const tls = tlsOf(settings, environment.directory);
  const [inventories, before] = await Promise.all([Promise.all(all.map(({ client }) => takeInventory(client))), stackContainers(clientsOf(hosts), environment.stack)]);
  for (const host of all) await refuseBusyPorts(settings, host, before.filter(({ client, state }) => client === host.client && state === "running").map(({ id }) => id));
  const dataDirectory = dataDirectoryOf(settings, environment.stack, root);
  await refuseFullDisks(all, { state: environment.directory, data: dataDirectory });
  const images = new Map<StackHost, PlannedImages>();
  for (const [index, host] of all.entries()) {
    const planned = planImages(settings, choice, inventories[index]!, release ? undefined : await findPublished(settings, inventories[index]!.platform));
    images.set(host, release ? recalledImages(planned, imagesFor(host, release)) : planned);
  }
  const runningOn = (host: StackHost, part: string) => before.filter(({ client, role, state }) => client === host.client && role === part && state === "running");
  for (const host of switchHosts(hosts)) await findSlot(runningOn(host, choice.kind), images.get(host)![choice.kind]!.reference, patience);
  const { turn } = images.get(hosts.softswitch)!;
  if (turn) await findSlot(runningOn(hosts.softswitch, "turn"), turn.reference, patience, "relay");
  for (const [index, host] of all.entries()) {
    const missing = imagesOn(images.get(host)!, host.servers).filter(({ reference }) => !inventories[index]!.images.has(reference));
    for (const image of missing) {
      await step(`Image ${image.reference}${host.ssh ? ` on ${host.name}` : ""}`, (note) => ensureImages(host.client, [image], settings, inventories[index]!, (_, what) => note(what)));
    }
    await ownDataDirectory(host, dataDirectory, environment.stack, images.get(host)!.edge!.reference);
  }
  return { prepared: { settings, hosts, images, choice, dataDirectory, tls }, before };
}

/** A release that was recorded names its images itself. */
function recalledImages(planned: PlannedImages, recorded: Release["images"]): PlannedImages {
  return Object.fromEntries(Object.entries(planned).map(([name, image]) => {
    const reference = recorded[name as keyof Release["images"]];
    return [name, image && reference ? { ...image, reference, built: false } : image];
  })) as PlannedImages;
}

/** Hosts with other base images have other tags. */
function recordedImages({ hosts, images }: { hosts: StackHosts; images: Prepared["images"] }): RecordedImages {
  const on = (host: StackHost) => Object.fromEntries(imagesOn(images.get(host)!, host.servers).map(({ name, reference }) => [name, reference]));
  const application = on(hosts.application);
  return {
    images: { ...application, ...on(hosts.softswitch) },
    ...(hosts.application === hosts.softswitch ? {} : { applicationImages: application }),
    ...(hosts.standby && { standbyImages: on(hosts.standby) }),
    ...(hosts.moreApplications && { moreApplicationImages: Object.fromEntries(hosts.moreApplications.map((host) => [host.site!, on(host)])) }),
  };
}

/**
 * A release that never became healthy holds a slot, and the engine would take it for a success. One that drains is
 * healthy, or has its end coming by itself.
 */
async function removeFailedReleases(containers: readonly StackContainer[]): Promise<void> {
  const failed = containers.filter((container) => !isData(container)
    && (container.health === "unhealthy" || container.state === "created" || container.state === "restarting" || (container.state === "running" && container.health === "starting")));
  for (const container of failed) {
    say(`  ${container.name}: ${container.state === "exited" ? "has ended" : "never became healthy"}; removing it`);
    await runDocker(container.client, ["rm", "--force", container.id]);
  }
}

async function update(environment: Environment, stack: Stack, prepared: Prepared, refresh: boolean, wait: boolean): Promise<{ outcome: Deployed; after?: readonly StackContainer[] }> {
  const progress = new Progress((line) => say(`  ${line}`), prepared.hosts.moreApplications !== undefined);
  const diagnostics = new Diagnostics();
  let left = false;
  const leave = () => {
    if (left || !progress.onlyDraining) return;
    left = true;
    interruptChildren();
  };
  // Docker goes on with a drain whether or not anybody waits for it.
  const onSignal = () => progress.onlyDraining ? leave() : say("  Finishing what is under way; Ctrl-C again ends at once.");
  process.on("SIGINT", onSignal);
  const poll = wait ? undefined : setInterval(leave, 1_000);
  try {
    if (refresh) {
      await forgetPending(stack);
      for (const host of await followHosts(stack, dockersOf(prepared.hosts))) say(`  A server of the stack was at ${host} before. If that machine still runs, its containers are to be removed there: 'docker rm --force $(docker ps --quiet --filter label=houseline.stack=${environment.stack})'.`);
    }
    const result = await stack.up({ refresh, suppressProgress: true, suppressOutputs: true, onEvent: (event) => { progress.listen(event); diagnostics.listen(event); } });
    const after = await collectOrphans(stack, clientsOf(prepared.hosts), environment.stack);
    const outputs = Object.fromEntries(Object.entries(result.outputs).map(([key, { value }]) => [key, String(value)]));
    return { outcome: { outputs: outputs as unknown as Deployed["outputs"], changes: progress.changes, drainingLeft: false }, after };
  } catch (error) {
    if (!left) throw await explain(error, diagnostics, prepared.hosts, environment.stack);
    await tellToLeave(clientsOf(prepared.hosts), environment.stack, progress.leaving);
    const outcome: Deployed = {
      outputs: { page: pageUrl(prepared.settings), sip: sipUrl(prepared.settings), switch: prepared.choice.kind, why: prepared.choice.why },
      changes: progress.changes, drainingLeft: true,
    };
    return { outcome };
  } finally {
    clearInterval(poll);
    process.off("SIGINT", onSignal);
  }
}

/**
 * The engine says that it is about to tell an old release to go, and was interrupted a moment later: on a busy machine before Docker
 * was asked for it. Each is told again: one that knows does nothing more about it.
 */
async function tellToLeave(clients: readonly DockerClient[], stack: string, leaving: ReadonlySet<string>): Promise<void> {
  const old = (await stackContainers(clients, stack)).filter(({ id, state }) => state === "running" && leaving.has(id));
  // One that is just gone makes the command fail.
  await Promise.all(old.map(({ client, id }) => runDocker(client, ["kill", "--signal", "SIGTERM", id])));
}

/** An engine's error, with the last lines of the containers that are not healthy. */
async function explain(error: unknown, diagnostics: Diagnostics, hosts: StackHosts, stack: string): Promise<Failure> {
  if (error instanceof Failure) return error;
  const failure = diagnostics.failure(error);
  const logs = await unhealthyLogs(await stackContainers(clientsOf(hosts), stack));
  return new Failure(logs === "" ? failure.message : `${failure.message}\n${logs}`);
}

/** `up` repeated takes an unhealthy container for a success: Docker itself is asked. */
async function verifyHealth(containers: readonly StackContainer[]): Promise<void> {
  const logs = await unhealthyLogs(containers);
  if (logs !== "") throw new Failure(`Not everything is healthy.\n${logs}\nWhat served before goes on serving. Mend the cause and type './houseline up' again.`);
}

async function unhealthyLogs(containers: readonly StackContainer[]): Promise<string> {
  const unhealthy = containers.filter((container) => !isData(container) && !isHealthy(container) && container.state !== "exited");
  const parts = await Promise.all(unhealthy.map(async (one) =>
    `  ${one.name} is ${one.health ?? one.state}. Its last lines:\n${await lastLog(one)}`));
  return parts.join("\n");
}
