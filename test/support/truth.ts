import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { root, type Deployment } from "./deployment.ts";
import { docker, type Seen } from "./docker.ts";
import { until } from "./until.ts";

interface Told { role: string; id: string; state: string; serving: boolean; slot?: number }

const isData = (role: string) => /-secrets$|^freeswitch-sound$/.test(role);

/**
 * What `status` tells otherwise than Docker has it, or nothing: it names the same containers in the same states, the
 * newest healthy one of a role as the one that serves. Asked again while containers change under it.
 */
export async function statusUntruth(deployment: Deployment): Promise<string | undefined> {
  const line = ({ id, state }: Pick<Told, "id" | "state">) => `${id.slice(0, 12)} ${state}`;
  const lines = (some: readonly Pick<Told, "id" | "state">[]) => some.map(line).sort().join(", ");
  const look = async () => (await deployment.containers()).map((one) => ({ ...one, state: isData(one.role) ? "data" : one.health ?? one.state, running: one.state === "running" }));
  const { told, seen } = await until("containers that stay as they are while `status` is asked", async () => {
    const before = await look();
    const told = (JSON.parse((await deployment.run("status", "--json")).stdout) as { containers: Told[] }).containers;
    const seen = await look();
    return lines(before) === lines(seen) && { told, seen };
  }, 60_000);
  if (lines(told) !== lines(seen)) return `told ${lines(told)}; seen ${lines(seen)}`;
  const wrong = [...new Set(seen.map(({ role }) => role))].filter((role) => {
    const ready = seen.filter((one) => one.role === role && (one.state === "data" || (one.running && one.health === "healthy")));
    return told.filter((one) => one.role === role && one.serving).length !== Math.min(1, ready.length);
  });
  return wrong.length > 0 ? `not one serves of: ${wrong.join(", ")}` : undefined;
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
