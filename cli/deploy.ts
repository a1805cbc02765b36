import { ownDataDirectory } from "../pulumi/data-directory.ts";
import { runDocker, type DockerClient } from "../pulumi/docker-cli.ts";
import { dataDirectoryOf, type Prepared } from "../pulumi/program.ts";
import { ensureImages, planImages, takeInventory, type Image } from "../pulumi/images.ts";
import type { Settings } from "../pulumi/settings.ts";
import { chooseSwitch } from "../pulumi/switch-choice.ts";
import { Diagnostics, engineStack } from "./engine.ts";
import type { Environment } from "./environment.ts";
import { Failure } from "./failure.ts";
import { interruptChildren } from "./interrupt.ts";
import { collectOrphans } from "./orphans.ts";
import { refuseBusyPorts } from "./ports.ts";
import { Progress } from "./progress.ts";
import { currentRelease, recordRelease } from "./releases.ts";
import { dockerClient } from "./setup/docker-engine.ts";
import { isData, lastLog, stackContainers, type StackContainer } from "./stack-containers.ts";
import { say, step } from "./terminal.ts";

export interface DeployOptions {
  /** As the audit line names it: `up`, `upgrade`, `rollback`. */
  command: string;
  /** Waits until old releases have finished their last call; otherwise that is left to Docker. */
  wait: boolean;
  /** Image references to deploy instead of what the files here would give. */
  pinned?: Partial<Record<Image["name"], string>>;
}

export interface Deployed { outputs: { page: string; sip: string; switch: string; why: string }; changes: number; drainingLeft: boolean }

/** Brings a stack to what its configuration and these files say. Nothing is stopped before its successor is healthy. */
export async function deploy(environment: Environment, settings: Settings, options: DeployOptions): Promise<Deployed> {
  const started = performance.now();
  const client = dockerClient();
  const before = await stackContainers(client, environment.stack);
  refuseBusyPorts(settings, before.filter(({ state }) => state === "running").map(({ id }) => id));
  const prepared = await prepare(environment, settings, client, options.pinned);
  await removeFailedReleases(client, before);
  const refresh = !isAsRecorded(environment, await stackContainers(client, environment.stack));
  let outcome: Deployed | undefined;
  try {
    outcome = await update(environment, prepared, refresh, options.wait);
    await verifyHealth(client, environment.stack);
    return outcome;
  } finally {
    recordRelease(environment, {
      command: options.command,
      result: outcome === undefined ? "failed" : "deployed",
      seconds: Math.round((performance.now() - started) / 100) / 10,
      switch: prepared.choice.kind,
      images: Object.fromEntries(Object.values(prepared.images).filter((image) => image !== undefined).map(({ name, reference }) => [name, reference])),
      settings,
      containers: (await stackContainers(client, environment.stack)).filter(isServing).map(({ id }) => id),
    });
  }
}

/** Every image is here before anything is stopped. */
async function prepare(environment: Environment, settings: Settings, client: DockerClient, pinned: DeployOptions["pinned"]): Promise<Prepared> {
  const choice = chooseSwitch(settings);
  const inventory = await takeInventory(client);
  const images = planImages(settings, choice, inventory);
  for (const image of Object.values(images)) {
    const reference = image && pinned?.[image.name];
    if (image && reference) Object.assign(image, { reference, built: false });
  }
  const wanted = Object.values(images).filter((image) => image !== undefined);
  const missing = wanted.filter(({ reference }) => !inventory.images.has(reference));
  for (const image of missing) {
    await step(`Image ${image.reference}`, (note) => ensureImages(client, [image], settings, inventory, (_, what) => note(what)));
  }
  const dataDirectory = dataDirectoryOf(settings, environment.stack);
  await ownDataDirectory(client, dataDirectory, environment.stack, images["app-server"]!.reference);
  return { settings, client, images, choice, dataDirectory };
}

const isServing = ({ role, state, health }: StackContainer) => isData({ role }) ? state === "created" : state === "running" && health === "healthy";

/**
 * A release that never became healthy holds a slot, and the engine would take it for a success. One that drains is
 * healthy, or has its end coming by itself.
 */
async function removeFailedReleases(client: DockerClient, containers: readonly StackContainer[]): Promise<void> {
  for (const container of containers) {
    const failed = !isData(container) && (container.health === "unhealthy" || container.state === "created" || container.state === "restarting" || (container.state === "running" && container.health === "starting"));
    if (!failed) continue;
    say(`  ${container.name}: never became healthy; removing it`);
    await runDocker(client, ["rm", "--force", container.id]);
  }
}

/** Whether Docker has just what the last deployment left: then the engine's state can be trusted as it is. */
function isAsRecorded(environment: Environment, containers: readonly StackContainer[]): boolean {
  const release = currentRelease(environment);
  if (!release) return containers.length === 0;
  const serving = new Set(containers.filter(isServing).map(({ id }) => id));
  return release.containers.length === containers.length && release.containers.every((id) => serving.has(id));
}

async function update(environment: Environment, prepared: Prepared, refresh: boolean, wait: boolean): Promise<Deployed> {
  const stack = await engineStack(environment, prepared);
  const progress = new Progress((line) => say(`  ${line}`));
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
    const result = await stack.up({ refresh, suppressProgress: true, suppressOutputs: true, onEvent: (event) => { progress.listen(event); diagnostics.listen(event); } });
    await collectOrphans(stack, prepared.client, environment.stack);
    const outputs = Object.fromEntries(Object.entries(result.outputs).map(([key, { value }]) => [key, String(value)]));
    return { outputs: outputs as unknown as Deployed["outputs"], changes: progress.changes, drainingLeft: false };
  } catch (error) {
    if (!left) throw await explain(error, diagnostics, prepared.client, environment.stack);
    const { ports, site } = prepared.settings;
    return {
      outputs: { page: `http://${site}:${ports.applicationEdge}/`, sip: `ws://${site}:${ports.switchEdge}/sip`, switch: prepared.choice.kind, why: prepared.choice.why },
      changes: progress.changes, drainingLeft: true,
    };
  } finally {
    clearInterval(poll);
    process.off("SIGINT", onSignal);
  }
}

/** An engine's error, with the last lines of the containers that are not healthy. */
async function explain(error: unknown, diagnostics: Diagnostics, client: DockerClient, stack: string): Promise<Failure> {
  if (error instanceof Failure) return error;
  const failure = diagnostics.failure(error);
  const logs = await unhealthyLogs(client, stack);
  return new Failure(logs === "" ? failure.message : `${failure.message}\n${logs}`);
}

/** `up` repeated takes an unhealthy container for a success: Docker itself is asked. */
async function verifyHealth(client: DockerClient, stack: string): Promise<void> {
  const logs = await unhealthyLogs(client, stack);
  if (logs !== "") throw new Failure(`Not everything is healthy.\n${logs}\nWhat served before goes on serving. Mend the cause and type './houseline up' again.`);
}

async function unhealthyLogs(client: DockerClient, stack: string): Promise<string> {
  const containers = (await stackContainers(client, stack)).filter((container) => !isData(container) && !isServing(container) && container.state !== "exited");
  const parts = await Promise.all(containers.map(async ({ id, name, state, health }) =>
    `  ${name} is ${health ?? state}. Its last lines:\n${await lastLog(client, id)}`));
  return parts.join("\n");
}
