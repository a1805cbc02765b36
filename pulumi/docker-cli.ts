import { spawn } from "node:child_process";
import { Refusal } from "./refusal.ts";

/** How a Docker is reached: the client's path, and `DOCKER_HOST` unless it is the client's default. */
export interface DockerClient { path: string; host?: string }

export interface Outcome { code: number; stdout: string; stderr: string }

export interface RunOptions {
  environment?: Record<string, string>;
  directory?: string;
  /** Called with each line of either stream as it comes. */
  onLine?: (line: string) => void;
  signal?: AbortSignal;
}

/** At most this much of either stream is kept, the end of it. */
const keptCharacters = 4_000_000;

/** Runs the Docker client; a client that can't be started is a refusal, a failing command an outcome. */
export function runDocker(client: DockerClient, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(client.path, args, {
      cwd: options.directory,
      env: { ...process.env, ...(client.host ? { DOCKER_HOST: client.host } : {}), ...options.environment },
      stdio: ["ignore", "pipe", "pipe"],
      // In a group of its own: Ctrl-C is answered once, by the command that runs this.
      detached: true,
      signal: options.signal,
    });
    const outcome: Outcome = { code: 1, stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      let rest = "";
      child[stream].setEncoding("utf8").on("data", (text: string) => {
        outcome[stream] = (outcome[stream] + text).slice(-keptCharacters);
        if (!options.onLine) return;
        const lines = (rest + text).split("\n");
        rest = lines.pop()!.slice(-10_000);
        lines.forEach(options.onLine);
      });
    }
    child.on("error", (error) => reject(new Refusal(`The Docker client '${client.path}' did not run (${error.message}). Type './houseline doctor'.`)));
    child.on("close", (code) => resolve({ ...outcome, code: code ?? 1 }));
  });
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
  return `'docker ${args[0]}' failed: ${line}`;
}
