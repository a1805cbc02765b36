import { existsSync, readFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { isHealthy, type StackContainer } from "../pulumi/stack-containers.ts";
import type { ImageName } from "../pulumi/images.ts";
import { redacted, type Settings } from "../pulumi/settings.ts";
import type { StackHost } from "../pulumi/stack-hosts.ts";
import type { SwitchChoice } from "../pulumi/switch-choice.ts";
import type { Environment } from "./environment.ts";
import { holderOf } from "./stack-lock.ts";
import { writeWhole } from "./whole-file.ts";

/** One deployment, as it is recorded: who, when, what, and how it ended. Secrets are left out. */
export interface Release {
  /** When it began. (ISO 8601) */
  time: string;
  user: string;
  command: string;
  /** `begun` until it ends: such a line whose process is gone is of a deployment that was killed. */
  result: "begun" | "deployed" | "failed";
  seconds: number;
  switch: SwitchChoice["kind"];
  images: Partial<Record<ImageName, string>>;
  /** Of the application server's host, where that is another. */
  applicationImages?: Partial<Record<ImageName, string>>;
  /** Of the host with a switch in reserve, where there is one. */
  standbyImages?: Partial<Record<ImageName, string>>;
  /** Of the hosts of more application servers, by the names that these are reached by. */
  moreApplicationImages?: Record<string, Partial<Record<ImageName, string>>>;
  settings: Settings;
  /** Ids of the containers that were left serving. */
  containers: string[];
}

/** What a release records of its images, which may be others on each host. */
export type RecordedImages = Pick<Release, "images" | "applicationImages" | "standbyImages" | "moreApplicationImages">;

/** Of the images that were recorded those of a host, and perhaps more. */
export function imagesFor({ servers, site }: Pick<StackHost, "servers" | "site">, { images, applicationImages, standbyImages, moreApplicationImages }: RecordedImages): Release["images"] {
  if (servers === "standby") return standbyImages ?? images;
  // One that the release didn't have gets those of the first.
  return (servers === "application" ? (site === undefined ? undefined : moreApplicationImages?.[site]) ?? applicationImages : undefined) ?? images;
}

/** Every image of a release. */
export function allImagesOf({ images, applicationImages = {}, standbyImages = {}, moreApplicationImages = {} }: RecordedImages): string[] {
  return [images, applicationImages, standbyImages, ...Object.values(moreApplicationImages)].flatMap((named) => Object.values(named));
}

/** The newest deployments that are kept; each is about 2 KB. */
const kept = 500;

const fileOf = ({ directory }: Environment) => join(directory, "releases.jsonl");

/**
 * Writes down that a deployment begins, before anything is changed.
 *
 * @param started when the command was given
 * @returns writes down how it ended, in the place of that
 */
export function beginRelease(environment: Environment, started: Date, what: Pick<Release, "command" | "switch" | "settings"> & RecordedImages): (result: "deployed" | "failed", containers: string[]) => void {
  const begun: Release = {
    time: started.toISOString(), user: `${userInfo().username}@${hostname()}`, ...what, settings: redacted(what.settings), result: "begun", seconds: 0, containers: [],
  };
  const before = releases(environment);
  write(environment, [...before, begun]);
  return (result, containers) => write(environment, [...before, { ...begun, result, containers, seconds: Math.round((Date.now() - started.getTime()) / 100) / 10 }]);
}

function write(environment: Environment, list: readonly Release[]): void {
  writeWhole(fileOf(environment), list.slice(-kept).map((release) => `${JSON.stringify(release)}\n`).join(""));
}

/** Every recorded deployment, the oldest first; a line that can't be read is passed over. */
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

/** How a deployment ended, in words: one without an end is under way, or was interrupted. */
export function resultOf(environment: Environment, release: Release): string {
  if (release.result !== "begun") return release.result;
  return releases(environment).at(-1)?.time === release.time && holderOf(environment) ? "under way" : "interrupted";
}

/** Whether Docker has just what the last deployment left: then the engine's state can be trusted as it is. */
export function isAsRecorded(environment: Environment, containers: readonly StackContainer[]): boolean {
  const release = releases(environment).at(-1);
  if (!release) return containers.length === 0;
  if (release.result !== "deployed") return false;
  const serving = new Set(containers.filter(isHealthy).map(({ id }) => id));
  return release.containers.length === containers.length && release.containers.every((id) => serving.has(id));
}
