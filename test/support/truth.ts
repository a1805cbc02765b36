import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { root, type Deployment } from "./deployment.ts";
import { docker, type Seen } from "./docker.ts";

interface Told { role: string; id: string; state: string; serving: boolean; slot?: number }

const isData = (role: string) => /-secrets$|^freeswitch-sound$/.test(role);

/** Whether `status` tells what Docker has: the same containers in the same states, the newest healthy one of a role as the one that serves. */
export async function statusIsTrue(deployment: Deployment): Promise<boolean> {
  const told = (JSON.parse((await deployment.run("status", "--json")).stdout) as { containers: Told[] }).containers;
  const seen = await deployment.containers();
  const line = ({ id, state }: Pick<Told, "id" | "state">) => `${id} ${state}`;
  const same = told.map(line).sort().join() === seen.map((one) => line({ id: one.id, state: isData(one.role) ? "data" : one.health ?? one.state })).sort().join();
  return same && [...new Set(seen.map(({ role }) => role))].every((role) => {
    const ready = seen.filter((one) => one.role === role && (isData(role) ? one.state === "created" : one.state === "running" && one.health === "healthy"));
    return told.filter((one) => one.role === role && one.serving).length === Math.min(1, ready.length);
  });
}

/** As a deployment leaves a stack: one healthy container for each service, of what is configured, and no other; nothing that the engine has yet to do. */
export async function mended(deployment: Deployment): Promise<void> {
  const containers = await deployment.containers();
  expect(containers.map(({ role, state, health }) => `${role} ${health ?? state}`)).toEqual([
    "app-server healthy", "app-server-edge healthy", "app-server-secrets created", "freeswitch-sound created", "lab-switch healthy", "softswitch-edge healthy", "softswitch-secrets created",
  ]);
  expect(await freeSlots(deployment)).toEqual({ "lab-switch": 2, "app-server": 2 });
  const state = join(root, ".houseline/stacks", deployment.stack, "state/.pulumi/stacks/houseline", `${deployment.stack}.json`);
  const { checkpoint: { latest } } = JSON.parse(await readFile(state, "utf8")) as { checkpoint: { latest: { pending_operations?: unknown[] } } };
  expect(latest.pending_operations ?? []).toEqual([]);
}

/** How many of the three slots of a service nobody holds, asked of their locks. */
export async function freeSlots(deployment: Deployment): Promise<Record<string, number>> {
  const count = async ({ id }: Seen) => Number(await docker("exec", id, "bash", "-c", "free=0; for n in 0 1 2; do flock -n /slots/slot$n.lock true && free=$((free + 1)); done; echo $free"));
  const services = await Promise.all(["lab-switch", "app-server"].map(async (role) => [role, await count(await deployment.container(role))] as const));
  return Object.fromEntries(services);
}
