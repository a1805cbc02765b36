import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, realpathSync, rmSync } from "node:fs";
import type { Server } from "node:net";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "./failure.ts";
import type { Environment } from "./environment.ts";
import { holdName } from "./held-name.ts";
import { writeWhole } from "./whole-file.ts";

/** Who changes a stack. */
export interface Holder { pid: number; started: string; user: string; host: string; since: string; command: string }

const fileOf = ({ directory }: Pick<Environment, "directory">) => join(directory, "lock.json");

/** Runs one command that changes a stack; a second one at the same time is told who is at it. */
export async function holdingLock<T>(environment: Environment, command: string, work: () => Promise<T>): Promise<T> {
  const mine: Holder = { pid: process.pid, started: startOf(process.pid)!, user: userInfo().username, host: hostname(), since: new Date().toISOString(), command };
  const path = fileOf(environment);
  const elsewhere = read<Holder>(path);
  if (elsewhere && elsewhere.host !== mine.host) throw new Failure(`${busy(elsewhere, environment.stack).message} If that host is gone for good, remove ${path}.`);
  const lock = await take(environment);
  try {
    writeWhole(path, JSON.stringify(mine));
    clearDeadPulumiLocks(environment);
    return await work();
  } finally {
    rmSync(path, { force: true });
    lock.close();
  }
}

/** Who changes a stack just now; a command that was killed is nobody. */
export function holderOf(environment: Pick<Environment, "directory">): Holder | undefined {
  const holder = read<Holder>(fileOf(environment));
  return holder && (holder.host !== hostname() || startOf(holder.pid) === holder.started) ? holder : undefined;
}

/** The lock itself is a name that one process holds; the file says who. */
async function take(environment: Environment): Promise<Server> {
  mkdirSync(environment.directory, { recursive: true, mode: 0o700 });
  const lock = await holdName(createHash("sha256").update(realpathSync(environment.directory)).digest("hex").slice(0, 32));
  if (lock) return lock;
  // Who has just taken it has yet to say so.
  for (const end = Date.now() + 2_000; Date.now() < end; await delay(50)) {
    const holder = holderOf(environment);
    if (holder) throw busy(holder, environment.stack);
  }
  throw new Failure(`Another command is changing the stack '${environment.stack}' right now. Wait for it, and type this again.`);
}

function busy({ command, user, host, pid, since }: Holder, stack: string): Failure {
  return new Failure(`'${command}' by ${user} (process ${pid}${host === hostname() ? "" : ` on ${host}`}, since ${since}) is changing the stack '${stack}' right now. Wait for it, or stop it, and type this again.`);
}

function read<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch {
    return undefined;
  }
}

/** When a process began, in ticks since boot: a number that comes again belongs to another. (proc(5), `stat`, field 22) */
function startOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ")[19];
  } catch {
    return undefined;
  }
}

/** Where Pulumi's file backend keeps the stack of an environment. */
export const backendDirectory = ({ directory }: Pick<Environment, "directory">) => join(directory, "state");

/** The engine's project of the machines that a stack is deployed on; the other is `houseline`. */
export const machinesProject = "houseline-machines";

/** Pulumi's own lock stays behind when its process was killed; it names that process. */
function clearDeadPulumiLocks(environment: Environment): void {
  for (const project of ["houseline", machinesProject]) clearDeadLocksOf(project, environment);
}

function clearDeadLocksOf(project: string, environment: Environment): void {
  const folder = join(backendDirectory(environment), ".pulumi", "locks", "organization", project, environment.stack);
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const lock = read<{ pid?: number; hostname?: string; username?: string }>(path);
    if (lock?.pid !== undefined && (lock.hostname !== hostname() || isPulumi(lock.pid))) {
      throw new Failure(`Pulumi's process ${lock.pid} of ${lock.username} on ${lock.hostname} is changing the stack '${environment.stack}' right now. Wait for it, or stop it, and type this again.`);
    }
    rmSync(path, { force: true });
  }
}

/** A number that comes again belongs to another program; one that has ended and whose parent has not asked how changes nothing any more. (proc(5), `stat`) */
function isPulumi(pid: number): boolean {
  try {
    return /^\d+ \(pulumi.*\) [^ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
