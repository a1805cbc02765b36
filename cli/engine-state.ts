import { existsSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "./environment.ts";
import { backendDirectory } from "./stack-lock.ts";
import { say } from "./terminal.ts";
import { writeWhole } from "./whole-file.ts";

/**
 * Puts the newest whole checkpoint in the place of one that isn't. Pulumi's file backend copies the checkpoint aside before it writes the next, and
 * on a full disk leaves half of it: without this, nothing could be deployed any more. What was made since is in Docker, and is found there.
 * To be called by who holds the stack's lock.
 *
 * @returns whether it was needed
 */
export function mendCheckpoint(environment: Environment): boolean {
  const folder = join(backendDirectory(environment), ".pulumi");
  const file = join(folder, "stacks", "houseline", `${environment.stack}.json`);
  const aside = `${file}.bak`;
  removeTornAttributes(folder);
  if (isWhole(file) || (!existsSync(file) && !existsSync(aside))) return false;
  const found = [aside, ...newest(join(folder, "backups", "houseline", environment.stack)), ...newest(join(folder, "history", "houseline", environment.stack))].find(isWhole);
  if (existsSync(file)) renameSync(file, `${file}.damaged`);
  if (found) writeWhole(file, readFileSync(found, "utf8"));
  say(`  Pulumi's state of '${environment.stack}' was damaged by a full disk or a killed process; ${found ? "going on from the one before" : "beginning a new one, beside which what runs finishes"}.`);
  return true;
}

/** Beside each file the backend writes one of attributes, in place; one that a kill left empty makes the file unreadable, none at all doesn't. */
function removeTornAttributes(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder, { recursive: true }) as string[]) {
    if (!name.endsWith(".attrs")) continue;
    const path = join(folder, name);
    try {
      JSON.parse(readFileSync(path, "utf8"));
    } catch {
      rmSync(path, { force: true });
    }
  }
}

function isWhole(file: string): boolean {
  try {
    const { checkpoint } = JSON.parse(readFileSync(file, "utf8")) as { checkpoint?: { latest?: unknown } };
    return checkpoint !== undefined;
  } catch {
    return false;
  }
}

/** Checkpoints of earlier updates, the newest first: their names end with the time. */
function newest(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => name.endsWith(".json") && !name.endsWith(".history.json")).sort().reverse().map((name) => join(folder, name));
}
