import { setTimeout as delay } from "node:timers/promises";
import type { Stack } from "@pulumi/pulumi/automation/index.js";
import { runDocker, type DockerClient } from "../pulumi/docker-cli.ts";
import { isData, stackContainers, type StackContainer } from "../pulumi/stack-containers.ts";
import { say } from "./terminal.ts";

/** Seconds that are waited for an orphan with nobody in it to end. */
const endSeconds = 15;

/**
 * Ends containers of a stack that its engine doesn't know of: one that was killed between making a container and
 * recording it leaves such a one, and it would hold a slot for ever. People who talk on it finish first.
 *
 * @returns the stack's containers after that
 */
export async function collectOrphans(stack: Stack, clients: readonly DockerClient[], name: string): Promise<readonly StackContainer[]> {
  const containers = await stackContainers(clients, name);
  if (new Set(containers.map(({ client, role }) => `${role} ${client.host ?? ""}`)).size === containers.length) return containers;
  const known = await knownIds(stack);
  const orphans = containers.filter(({ id }) => !known.has(id));
  for (const orphan of orphans) {
    say(`  ${orphan.name}: left over by a command that was killed; ${orphan.state === "running" ? "telling it to finish" : "removing it"}`);
    if (orphan.state === "running" && !isData(orphan)) await tellToFinish(orphan);
  }
  for (const end = Date.now() + endSeconds * 1_000; Date.now() < end; await delay(250)) {
    const left = (await stackContainers(clients, name)).filter(({ id }) => orphans.some((orphan) => orphan.id === id));
    for (const { client, id, state } of left) if (state !== "running") await runDocker(client, ["rm", "--force", id]);
    if (left.every(({ state }) => state !== "running")) break;
  }
  return stackContainers(clients, name);
}

/**
 * Takes out of the engine's state what a killed engine was about to make: it would keep and tell that for ever. What it did make, `collectOrphans` finds.
 */
export async function forgetPending(stack: Stack): Promise<void> {
  const state = await stack.exportStack() as { version: number; deployment: { pending_operations?: unknown[] } };
  if ((state.deployment.pending_operations ?? []).length === 0) return;
  await stack.importStack({ ...state, deployment: { ...state.deployment, pending_operations: [] } });
}

/** As `docker stop` without its limit: the drain limit is the container's own. */
async function tellToFinish({ client, id }: StackContainer): Promise<void> {
  await runDocker(client, ["update", "--restart", "no", id]);
  await runDocker(client, ["kill", "--signal", "TERM", id]);
}

/** Ids of every container in the engine's state, also of those that it has yet to delete. */
async function knownIds(stack: Stack): Promise<Set<string>> {
  const { deployment } = await stack.exportStack() as { deployment: { resources?: { type: string; id?: string }[] } };
  return new Set((deployment.resources ?? []).filter(({ type }) => type === "docker:index/container:Container").flatMap(({ id }) => id ?? []));
}
