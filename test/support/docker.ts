import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";

const run = promisify(execFile);
/** Debian's client: another one that comes first on PATH may lack BuildKit. */
const client = process.env.HOUSELINE_DOCKER ?? (existsSync("/usr/bin/docker") ? "/usr/bin/docker" : "docker");

/** Runs the Docker client; returns what it printed. */
export async function docker(...words: string[]): Promise<string> {
  const { stdout, stderr } = await run(client, words, { maxBuffer: 64 << 20 });
  return words[0] === "logs" ? stdout + stderr : stdout.trim();
}

/** A container as Docker sees it. */
export interface Seen { id: string; name: string; role: string; image: string; state: string; health: string | undefined; exitCode: number }

export async function containersOf(stack: string): Promise<Seen[]> {
  const ids = (await docker("ps", "-aq", "--no-trunc", "--filter", `label=houseline.stack=${stack}`)).split("\n").filter(Boolean);
  if (ids.length === 0) return [];
  const list = JSON.parse(await docker("inspect", ...ids)) as {
    Id: string; Name: string; Config: { Image: string; Labels: Record<string, string> }; State: { Status: string; ExitCode: number; Health?: { Status: string } };
  }[];
  return list.map(({ Id, Name, Config, State }) => ({
    id: Id, name: Name.slice(1), role: Config.Labels["houseline.role"] ?? "", image: Config.Image, state: State.Status, health: State.Health?.Status, exitCode: State.ExitCode,
  })).sort((a, b) => a.role.localeCompare(b.role));
}

/** Another image with the same content: a release that differs in nothing but its name, or weighs some megabytes more. */
export async function nextRelease(image: string, tag: string, megabytes = 0): Promise<string> {
  const child = execFile(client, ["build", "--quiet", "--network", "none", "--tag", tag, "-"], { env: { ...process.env, DOCKER_BUILDKIT: "0" } });
  const weight = megabytes === 0 ? "" : `USER root\nRUN head -c ${megabytes}M /dev/urandom > /srv/weight\nUSER 10001:10001\n`;
  // The label first: each has a weight of its own, not the one that the builder remembers.
  child.stdin!.end(`FROM ${image}\nLABEL houseline.test=${tag}\n${weight}`);
  await new Promise<void>((resolve, reject) => child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`building ${tag} failed`)))));
  return tag;
}
