import { fullDisk } from "./full-disk.ts";
import { run, type Outcome, type RunOptions } from "./process.ts";
import { Refusal } from "./refusal.ts";

/** How a Docker is reached: the client's path, `DOCKER_HOST` unless it is the client's default, and what else it finds in its environment. */
export interface DockerClient { path: string; host?: string; environment?: Record<string, string> }

/** What the client is given of its environment. */
export const environmentOf = ({ host, environment }: DockerClient): Record<string, string> => ({ ...environment, ...(host === undefined ? {} : { DOCKER_HOST: host }) });

/** Runs the Docker client; a client that can't be started is a refusal, a failing command an outcome. */
export async function runDocker(client: DockerClient, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const environment = { ...environmentOf(client), ...options.environment };
  try {
    return await run(client.path, args, { ...options, environment });
  } catch (error) {
    throw new Refusal(`The Docker client '${client.path}' did not run (${(error as Error).message}). Type './houseline doctor'.`);
  }
}

/** As `runDocker`, for commands that have no reason to fail: a failure is a refusal with Docker's own last line. */
export async function docker(client: DockerClient, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await runDocker(client, args, options);
  if (code !== 0) throw new Refusal(explain(stderr, args));
  return stdout;
}

function explain(stderr: string, args: readonly string[]): string {
  const line = stderr.trim().split("\n").at(-1) ?? "";
  if (/cannot connect to the docker daemon|is the docker daemon running|error during connect|permission denied while trying/i.test(stderr)) {
    return `Docker can't be reached (${line}). Start it, or give your user access to it, and run this again; './houseline doctor' shows what is missing.`;
  }
  return fullDisk(stderr) ?? `'docker ${args[0]}' failed: ${line}`;
}
