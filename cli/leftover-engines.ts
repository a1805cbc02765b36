import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, rmSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { run } from "../pulumi/process.ts";

/** Docker engines of the tests' own live in a folder each, named after the process that made it. */
export const engineFolder = (pid: number, name: string) => join(tmpdir(), `houseline-engine-${pid}-${name}`);
/** Its network bridge: a daemon that is told to have none removes the one of the daemon beside it. */
export const bridgeOf = (folder: string) => `hl${createHash("sha256").update(folder).digest("hex").slice(0, 10)}`;
const named = /^houseline-engine-(\d+)-/;
/** What its containerd calls its containers' place: a machine's own containerd may be shared. */
export const containerdNamespace = "houseline-test";
/** Milliseconds that killed processes may take to be gone. */
const endMs = 10_000;

/**
 * Removes engines whose test is gone: interrupted, or killed.
 *
 * @param isOver whether nothing of a run is alive any more
 */
export async function removeLeftoverEngines(isOver: (pid: number) => boolean): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const pid = named.exec(name)?.[1];
    if (pid !== undefined && isOver(Number(pid))) await removeEngine(join(tmpdir(), name));
  }
}

/** Removes an engine with everything that it has. */
export async function removeEngine(folder: string): Promise<void> {
  await killEngine(folder);
  await run("ip", ["link", "delete", bridgeOf(folder)]);
  await unmountUnder(folder);
  rmSync(folder, { recursive: true, force: true });
}

/** Kills the daemon and every process of its containers, as a loss of power does: what the kernel keeps of them in memory goes too. */
export async function killEngine(folder: string): Promise<void> {
  for (const end = Date.now() + endMs; Date.now() < end; await delay(50)) {
    const pids = processesOf(folder);
    if (pids.length === 0 && removeTraces(folder)) return;
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
  }
  if (processesOf(folder).length > 0) throw new Error(`Processes of the engine in ${folder} did not end.`);
}

function containersOf(folder: string): string[] {
  const containers = join(folder, "data", "containers");
  return existsSync(containers) ? readdirSync(containers) : [];
}

/** Where shims listen. (containerd, runtime/v2/shim: `SocketAddress`) */
const socketOf = (folder: string, id: string) => join("/run/containerd/s", createHash("sha256").update(join(folder, "exec/containerd/containerd.sock", containerdNamespace, id)).digest("hex"));
const controlGroups = "/sys/fs/cgroup";

/** What its containers have outside of the folder: the sockets of their shims, and control groups, in each hierarchy (cgroups(7)). */
export function tracesOf(folder: string, ids: readonly string[]): string[] {
  const hierarchies = existsSync(controlGroups) ? [controlGroups, ...readdirSync(controlGroups).map((name) => join(controlGroups, name))] : [];
  return ids.flatMap((id) => [socketOf(folder, id), ...hierarchies.map((hierarchy) => join(hierarchy, "docker", id))]).filter((path) => existsSync(path));
}

/** Whether none is left: a control group is busy until the last of its processes is reaped. */
function removeTraces(folder: string): boolean {
  const traces = tracesOf(folder, containersOf(folder));
  for (const path of traces) {
    try {
      if (path.startsWith(controlGroups)) rmdirSync(path);
      else rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EBUSY") throw error;
    }
  }
  return traces.every((path) => !existsSync(path));
}

/** The daemon, its containerd and shims, which have the folder in their words, and what runs in its containers. */
export function processesOf(folder: string): number[] {
  const ids = containersOf(folder);
  return readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid).map(Number).filter((pid) => {
    try {
      if (readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.startsWith("Z")) return false;
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      if (/^[^\0]*(dockerd|containerd|containerd-shim[^\0]*)\0/.test(words) && words.includes(`${folder}/`)) return true;
      const groups = readFileSync(`/proc/${pid}/cgroup`, "utf8");
      return ids.some((id) => groups.includes(id));
    } catch {
      return false;
    }
  });
}

/** Unmounts what is mounted in a folder, the innermost first. (proc(5), `mountinfo`) */
export async function unmountUnder(folder: string): Promise<void> {
  const places = readFileSync("/proc/self/mountinfo", "utf8").split("\n").flatMap((line) => line.split(" ")[4] ?? []).filter((place) => place === folder || place.startsWith(`${folder}/`));
  for (const place of places.reverse()) await run("umount", ["-l", place]);
}
