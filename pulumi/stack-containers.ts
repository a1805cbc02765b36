import { docker, runDocker, type DockerClient } from "./docker-cli.ts";

/** A container of a stack, as Docker sees it. */
export interface StackContainer {
  id: string;
  /** The Docker that has it. */
  client: DockerClient;
  name: string;
  role: string;
  image: string;
  /** `created`, `running`, `exited`, … */
  state: string;
  /** `healthy`, `starting`, `unhealthy`, or nothing where no health check is. */
  health?: string;
  createdAt: string;
  startedAt: string;
  /** How long its calls may go on once it is told to finish; of a switch alone. */
  drainSeconds?: number;
}

/** Roles that only hold data for others and are never started. */
export const isData = ({ role }: { role: string }) => role === "freeswitch-sound" || role.endsWith("-secrets");

export const isSwitch = (role: string) => role === "freeswitch" || role === "lab-switch";

/** Whether it is as a deployment leaves it. */
export const isHealthy = ({ role, state, health }: StackContainer) => (isData({ role }) ? state === "created" : state === "running" && health === "healthy");

/** Every container of a stack on its hosts, found by its labels; the newest of a role comes last. */
export async function stackContainers(clients: readonly DockerClient[], stack: string): Promise<StackContainer[]> {
  const found = await Promise.all(clients.map((client) => containersOn(client, stack)));
  return inOrder(found.flat());
}

/** By role; the newest of a role comes last. */
export const inOrder = (containers: readonly StackContainer[]): StackContainer[] => containers.toSorted((a, b) => a.role.localeCompare(b.role) || a.createdAt.localeCompare(b.createdAt));

async function containersOn(client: DockerClient, stack: string): Promise<StackContainer[]> {
  const ids = (await docker(client, ["ps", "--all", "--quiet", "--no-trunc", "--filter", `label=houseline.stack=${stack}`])).split("\n").filter(Boolean);
  if (ids.length === 0) return [];
  // One that goes away meanwhile makes the command fail, and is left out.
  const { stdout } = await runDocker(client, ["container", "inspect", ...ids]);
  return (JSON.parse(stdout || "[]") as Inspected[]).map((one) => ({
    id: one.Id,
    client,
    name: one.Name.replace(/^\//, ""),
    role: one.Config.Labels["houseline.role"] ?? "",
    image: one.Config.Image,
    state: one.State.Status,
    health: one.State.Health?.Status,
    createdAt: one.Created,
    startedAt: one.State.StartedAt,
    drainSeconds: drainOf(one.Config.Env ?? []),
  }));
}

function drainOf(environment: readonly string[]): number | undefined {
  const value = environment.find((one) => one.startsWith("HOUSELINE_DRAIN_SECONDS="))?.split("=")[1];
  return value === undefined ? undefined : Number(value);
}

interface Inspected {
  Id: string; Name: string; Created: string;
  Config: { Image: string; Labels: Record<string, string>; Env?: string[] };
  State: { Status: string; StartedAt: string; Health?: { Status: string } };
}

/** The slot that a running container took, or `undefined` when it has none or can't say. */
export async function slotOf({ client, id }: StackContainer): Promise<number | undefined> {
  const { code, stdout } = await runDocker(client, ["exec", id, "cat", "/run/houseline/slot"], { timeoutSeconds: 5 });
  return code === 0 && /^[0-2]$/.test(stdout.trim()) ? Number(stdout.trim()) : undefined;
}

/** The end of what a container said. */
export async function lastLog({ client, id }: Pick<StackContainer, "client" | "id">, lines = 12): Promise<string> {
  const { stdout, stderr } = await runDocker(client, ["logs", "--tail", String(lines), id], { timeoutSeconds: 10 });
  return `${stdout}${stderr}`.trim().split("\n").slice(-lines).map((line) => `    ${line.slice(0, 400)}`).join("\n");
}
