import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { Failure } from "./failure.ts";
import type { Environment } from "./environment.ts";

interface Holder { pid: number; started: string; user: string; host: string; since: string; command: string }

/** Runs one command that changes a stack; a second one at the same time is told who is at it. */
export async function holdingLock<T>(environment: Environment, command: string, work: () => Promise<T>): Promise<T> {
  const path = join(environment.directory, "lock.json");
  mkdirSync(environment.directory, { recursive: true, mode: 0o700 });
  take(path, command, environment.stack);
  clearDeadPulumiLocks(environment);
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function take(path: string, command: string, stack: string): void {
  const mine: Holder = { pid: process.pid, started: startOf(process.pid)!, user: userInfo().username, host: hostname(), since: new Date().toISOString(), command };
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      writeFileSync(path, JSON.stringify(mine), { flag: "wx", mode: 0o600 });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = read(path);
    if (holder && isAlive(holder)) {
      throw new Failure(`'${holder.command}' by ${holder.user} (process ${holder.pid}, since ${holder.since}) is changing the stack '${stack}' right now. Wait for it, or stop it, and type this again.`);
    }
    // Its holder was killed.
    rmSync(path, { force: true });
  }
  throw new Failure(`The lock of the stack '${stack}' (${path}) could not be taken. Type this again.`);
}

function read(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Holder;
  } catch {
    return undefined;
  }
}

const isAlive = (holder: Holder) => holder.host !== hostname() || startOf(holder.pid) === holder.started;

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

/** Pulumi's own lock stays behind when its process was killed; it names that process. */
function clearDeadPulumiLocks(environment: Environment): void {
  const folder = join(backendDirectory(environment), ".pulumi", "locks", "organization", "houseline", environment.stack);
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const lock = read(path) as unknown as { pid?: number; hostname?: string; username?: string } | undefined;
    if (lock?.pid !== undefined && (lock.hostname !== hostname() || existsSync(`/proc/${lock.pid}`))) {
      throw new Failure(`Pulumi's process ${lock.pid} of ${lock.username} on ${lock.hostname} is changing the stack '${environment.stack}' right now. Wait for it, or stop it, and type this again.`);
    }
    rmSync(path, { force: true });
  }
}
