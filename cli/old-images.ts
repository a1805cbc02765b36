import { existsSync, readdirSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { docker, runDocker, type DockerClient } from "../pulumi/docker-cli.ts";
import { imageLabel } from "../pulumi/reproducible-image.ts";
import type { Settings } from "../pulumi/settings.ts";
import { megabytes } from "./images/megabytes.ts";
import { stackDirectory } from "./paths.ts";
import { allImagesOf, releases, type Release } from "./releases.ts";
import { say } from "./terminal.ts";

/** An image of ours on a host. */
export interface HostImage { id: string; references: readonly string[]; bytes: number; inUse: boolean; lastWanted: number | undefined }

const dayMs = 86_400_000;

/**
 * Which images go: those that no container uses and no rollback needs, and that were last deployed, built or pulled longer ago
 * than is configured; the oldest first.
 *
 * @param needed references of the releases that are deployed and of those before them
 */
export function oldImages(images: readonly HostImage[], needed: ReadonlySet<string>, keepDays: number, now: number): { old: HostImage[]; younger: HostImage[] } {
  const free = images.filter(({ inUse, references }) => !inUse && !references.some((reference) => needed.has(reference)))
    .toSorted((a, b) => (a.lastWanted ?? now) - (b.lastWanted ?? now));
  const isOld = ({ lastWanted }: HostImage) => lastWanted !== undefined && now - lastWanted > keepDays * dayMs;
  return { old: free.filter(isOld), younger: free.filter((image) => !isOld(image)) };
}

/** The images that a stack runs and those that its rollback would deploy. */
export function neededBy(list: readonly Release[]): string[] {
  const deployed = list.filter(({ result }) => result === "deployed");
  const current = deployed.at(-1);
  // What a failed deployment left running counts too.
  const last = list.at(-1);
  const before = deployed.findLast((release) => current && !(isDeepStrictEqual(release.images, current.images) && isDeepStrictEqual(release.settings, current.settings)));
  return [current, before, last].flatMap((release) => release ? allImagesOf(release) : []);
}

/** Removes images of old releases from a host, by age and, when its disk is nearly full, earlier. */
export async function removeOldImages(client: DockerClient, { keepDays, minimumFreePercent }: Settings["images"]): Promise<void> {
  const records = allReleases();
  const needed = new Set(records.flatMap(neededBy));
  const { old, younger } = oldImages(await hostImages(client, records.flat()), needed, keepDays, Date.now());
  const removed: HostImage[] = [];
  for (const image of old) if (await remove(client, image)) removed.push(image);
  for (const image of younger) {
    const free = await freePercent(client);
    if (free === undefined || free >= minimumFreePercent) break;
    if (await remove(client, image)) removed.push(image);
  }
  if (removed.length > 0) say(`  Removed ${removed.length === 1 ? "an image" : `${removed.length} images`} of old releases, up to ${megabytes(removed.reduce((sum, { bytes }) => sum + bytes, 0))}.`);
}

/** Records of every stack of this copy: one host may run several. */
function allReleases(): Release[][] {
  const folder = stackDirectory("");
  return existsSync(folder) ? readdirSync(folder).map((stack) => releases({ stack, directory: stackDirectory(stack), configuration: "" })) : [];
}

interface Inspected { Id: string; RepoTags: string[] | null; RepoDigests: string[] | null; Size: number; Metadata: { LastTagTime?: string } }

async function hostImages(client: DockerClient, recorded: readonly Release[]): Promise<HostImage[]> {
  const [ids, containers] = await Promise.all([
    docker(client, ["image", "ls", "--quiet", "--no-trunc", "--filter", `label=${imageLabel}`]),
    docker(client, ["ps", "--all", "--quiet", "--no-trunc"]),
  ]);
  const lines = (text: string) => [...new Set(text.split("\n").filter(Boolean))];
  if (lines(ids).length === 0) return [];
  const used = lines(containers).length === 0 ? "" : (await runDocker(client, ["inspect", "--format", "{{.Image}}", ...lines(containers)])).stdout;
  const inUse = new Set(lines(used));
  const deployedAt = new Map<string, number>();
  for (const release of recorded) for (const reference of allImagesOf(release)) deployedAt.set(reference, Math.max(deployedAt.get(reference) ?? 0, Date.parse(release.time)));
  const inspected = JSON.parse(await docker(client, ["image", "inspect", ...lines(ids)])) as Inspected[];
  return inspected.map(({ Id, RepoTags, RepoDigests, Size, Metadata }) => {
    const references = [...RepoTags ?? [], ...RepoDigests ?? []];
    const times = [Date.parse(Metadata.LastTagTime ?? ""), ...references.map((reference) => deployedAt.get(reference) ?? NaN)].filter((time) => time > 0);
    return { id: Id, references, bytes: Size, inUse: inUse.has(Id), lastWanted: times.length === 0 ? undefined : Math.max(...times) };
  });
}

/** By its names, never by force: Docker itself refuses what a container uses. */
async function remove(client: DockerClient, { id, references }: HostImage): Promise<boolean> {
  return (await runDocker(client, ["rmi", ...(references.length === 0 ? [id] : references)])).code === 0;
}

/** Of the disk that Docker keeps images on; `undefined` where it can't be told. */
export async function freePercent(client: DockerClient): Promise<number | undefined> {
  if (client.host !== undefined && !client.host.startsWith("unix://")) return freePercentInside(client);
  const folder = (await docker(client, ["info", "--format", "{{.DockerRootDir}}"])).trim();
  const disk = await statfs(folder).catch(() => undefined);
  return disk && (100 * disk.bavail) / disk.blocks;
}

/** Another machine's, asked in a container there: a container's root has the room of the disk that images lie on. (overlayfs, `statfs`) */
async function freePercentInside(client: DockerClient): Promise<number | undefined> {
  const running = (await docker(client, ["ps", "--quiet", "--filter", "label=houseline.stack"])).split("\n").filter(Boolean);
  for (const id of running) {
    const { code, stdout } = await runDocker(client, ["exec", id, "stat", "--file-system", "--format", "%a %b", "/"]);
    const [free = NaN, all = NaN] = stdout.trim().split(" ").map(Number);
    if (code === 0 && all > 0) return (100 * free) / all;
  }
  return undefined;
}
