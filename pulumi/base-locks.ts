import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Refusal } from "./refusal.ts";

export const baseLockFile = "images/bases.lock";

/** The digest by which each base image is locked; `undefined` for one that is not. */
export function baseLocks(root: string): Map<string, string | undefined> {
  const locks = new Map<string, string | undefined>();
  for (const [index, line] of readFileSync(join(root, baseLockFile), "utf8").split("\n").entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [, name, lock] = /^(\S+) (unlocked|sha256:[0-9a-f]{64})$/.exec(line.trim()) ?? [];
    if (name === undefined) throw new Refusal(`${baseLockFile}, line ${index + 1}: '${line.trim()}' is neither 'NAME sha256:…' nor 'NAME unlocked'.`);
    locks.set(name, lock === "unlocked" ? undefined : lock);
  }
  return locks;
}

/** `debian:bookworm-slim` at a digest → `debian@sha256:…` */
export const lockedReference = (name: string, digest: string) => `${name.replace(/:[\w.-]+$/, "")}@${digest}`;
