import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { getPriority, setPriority } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { DockerClient } from "../../pulumi/docker-cli.ts";
import { run } from "../../pulumi/process.ts";
import { Failure } from "../failure.ts";
import { logDirectory } from "../paths.ts";
import { confirm, step } from "../terminal.ts";
import { weighContainers } from "./container-weight.ts";
import { onPath } from "./on-path.ts";
import { installPackages, lastLines } from "./packages.ts";
import type { Consent, Prerequisite } from "./prerequisite.ts";

/** Seconds that a starting dockerd may take until it answers. */
const startSeconds = 90;

/** The client that is used, once there is one. */
export function dockerClient(): DockerClient {
  return { path: onPath("docker") ?? "docker", host: process.env.DOCKER_HOST };
}

export const dockerEngine: Prerequisite = {
  name: "Docker Engine",
  mend: "./houseline up (starts Docker, and offers to install Debian's docker.io when there is none)",
  async find() {
    const version = await serverVersion();
    return version === undefined ? undefined : `${version}${process.env.DOCKER_HOST ? ` at ${process.env.DOCKER_HOST}` : ""}`;
  },
  async get(consent) {
    if (process.env.DOCKER_HOST) throw new Failure(`DOCKER_HOST is ${process.env.DOCKER_HOST}, and no Docker answers there. Start it, or unset DOCKER_HOST to use this machine's own.`);
    // Nobody is talking where no Docker runs; and its containers would give way for as long as it runs, if this did.
    const priority = getPriority();
    if (process.getuid?.() === 0) setPriority(0);
    try {
      if (!onPath("docker") || !onPath("dockerd")) {
        await installPackages(["docker.io", "iptables", "ca-certificates"], "Docker Engine is missing.", consent);
        if (await answers(5)) return;
      }
      await start(consent);
    } finally {
      setPriority(priority);
    }
  },
};

async function serverVersion(): Promise<string | undefined> {
  const client = dockerClient();
  try {
    const { code, stdout } = await run(client.path, ["version", "--format", "{{.Server.Version}}"], { timeoutSeconds: 20 });
    return code === 0 ? stdout.trim() : undefined;
  } catch {
    return undefined;
  }
}

async function answers(seconds: number): Promise<boolean> {
  for (const end = Date.now() + seconds * 1_000; Date.now() < end;) {
    if (await serverVersion() !== undefined) return true;
    await delay(500);
  }
  return false;
}

async function start(consent: Consent): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new Failure("Docker doesn't answer here. Type 'sudo systemctl start docker', and make sure that your user may use it ('sudo usermod -aG docker $USER', then sign in again).");
  }
  if (!consent.yes && await confirm("Docker is installed but not running. Start it?") === false) {
    throw new Failure("Docker is not running. Start it and run this again.");
  }
  await step("Docker Engine", async () => {
    const log = hasSystemd() ? await startService() : startDaemon();
    if (await answers(startSeconds)) return;
    throw new Failure(`Docker did not start within ${startSeconds} s. Its last lines${log ? ` (${log})` : ""}:\n${log ? lastLines(readFileSync(log, "utf8")) : "  journalctl -u docker shows them"}`);
  });
}

function hasSystemd(): boolean {
  return statSync("/run/systemd/system", { throwIfNoEntry: false })?.isDirectory() === true && onPath("systemctl") !== undefined;
}

async function startService(): Promise<undefined> {
  await run("systemctl", ["enable", "--now", "docker"], { timeoutSeconds: startSeconds });
  return undefined;
}

/** Where there is no systemd: a daemon of its own session, which outlives this command. */
function startDaemon(): string {
  clearStalePid("/var/run/docker.pid", "dockerd");
  clearStalePid("/run/docker/containerd/containerd.pid", "containerd");
  weighContainers();
  mkdirSync(logDirectory, { recursive: true });
  const log = join(logDirectory, "dockerd.log");
  const file = openSync(log, "w");
  const child = spawn(onPath("dockerd")!, ["--log-level", "warn"], { stdio: ["ignore", file, file], detached: true });
  child.on("error", () => {});
  child.unref();
  closeSync(file);
  return log;
}

/** A dockerd that was killed leaves its pid file, and by now some other process may have that number. */
function clearStalePid(path: string, program: string): void {
  let pid: string;
  try {
    pid = readFileSync(path, "utf8").trim();
  } catch {
    return;
  }
  try {
    if (readFileSync(`/proc/${pid}/comm`, "utf8").trim() === program) return;
  } catch {
    // No such process.
  }
  rmSync(path, { force: true });
}
