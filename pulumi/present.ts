import { docker, runDocker, type DockerClient } from "./docker-cli.ts";

/** A container of a stack that is there now, as a preview sees it. */
export interface Present {
  id: string;
  role: string;
  image: string;
  running: boolean;
  /** How long its calls may go on once it is told to finish; of a switch alone. */
  drainSeconds?: number;
}

/** Every container of a stack, found by its labels; the newest of a role comes last. */
export async function presentContainers(client: DockerClient, stack: string): Promise<Present[]> {
  const ids = (await docker(client, ["ps", "--all", "--quiet", "--filter", `label=houseline.stack=${stack}`])).split("\n").filter(Boolean);
  if (ids.length === 0) return [];
  // One that goes away meanwhile makes the command fail, and is left out.
  const { stdout } = await runDocker(client, ["container", "inspect", ...ids]);
  return (JSON.parse(stdout || "[]") as Inspected[]).sort((a, b) => a.Created.localeCompare(b.Created)).map(({ Id, Config, State }) => {
    const drain = Config.Env?.find((one) => one.startsWith("HOUSELINE_DRAIN_SECONDS="))?.split("=")[1];
    return { id: Id, role: Config.Labels["houseline.role"] ?? "", image: Config.Image, running: State.Running, ...(drain === undefined ? {} : { drainSeconds: Number(drain) }) };
  });
}

interface Inspected { Id: string; Created: string; Config: { Image: string; Labels: Record<string, string>; Env?: string[] }; State: { Running: boolean } }
