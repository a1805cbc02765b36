import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "./environment.ts";
import { backendDirectory } from "./stack-lock.ts";

/** Files of one kind that are kept: an update writes two into the history and one backup. */
const kept = 100;

/** Pulumi's file backend keeps the checkpoint of every update for ever, about 100 KB each: of a stack's, the newest are kept. */
export function trimEngineHistory(environment: Environment): void {
  for (const kind of ["history", "backups"]) {
    const folder = join(backendDirectory(environment), ".pulumi", kind, "houseline", environment.stack);
    if (!existsSync(folder)) continue;
    // Their names end with the nanoseconds of the epoch.
    const stampOf = (name: string) => /(\d{19})\.[a-z.]*json(\.gz)?$/.exec(name)?.[1] ?? "";
    const files = readdirSync(folder).filter((name) => stampOf(name) !== "").sort((a, b) => stampOf(a).localeCompare(stampOf(b)));
    for (const name of files.slice(0, -kept)) for (const path of [join(folder, name), join(folder, `${name}.attrs`)]) rmSync(path, { force: true });
  }
}
