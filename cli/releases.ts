import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import type { ImageName } from "../pulumi/images.ts";
import { redacted, type Settings } from "../pulumi/settings.ts";
import type { Environment } from "./environment.ts";

/** One deployment, as it is recorded: who, when, what, and how it ended. Secrets are left out. */
export interface Release {
  time: string;
  user: string;
  command: string;
  result: "deployed" | "failed";
  seconds: number;
  switch: string;
  images: Partial<Record<ImageName, string>>;
  settings: Settings;
  /** Ids of the containers that were left serving. */
  containers: string[];
}

const fileOf = ({ directory }: Environment) => join(directory, "releases.jsonl");

export function recordRelease(environment: Environment, release: Omit<Release, "time" | "user">): void {
  mkdirSync(environment.directory, { recursive: true, mode: 0o700 });
  const line: Release = { time: new Date().toISOString(), user: `${userInfo().username}@${hostname()}`, ...release, settings: redacted(release.settings) };
  appendFileSync(fileOf(environment), `${JSON.stringify(line)}\n`, { mode: 0o600 });
}

/** Every recorded deployment, the oldest first; a line that was cut off by a crash is passed over. */
export function releases(environment: Environment): Release[] {
  if (!existsSync(fileOf(environment))) return [];
  return readFileSync(fileOf(environment), "utf8").split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line) as Release];
    } catch {
      return [];
    }
  });
}

/** The last deployment that succeeded. */
export function currentRelease(environment: Environment): Release | undefined {
  return releases(environment).findLast(({ result }) => result === "deployed");
}
