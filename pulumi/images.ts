import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildImage } from "./image-build.ts";
import { docker, runDocker, type DockerClient } from "./docker-cli.ts";
import { baseImages, inputLines, inputRecord, tagOf } from "./image-inputs.ts";
import { fullDisk } from "./full-disk.ts";
import { Refusal } from "./refusal.ts";
import type { Settings } from "./settings.ts";
import type { SwitchChoice } from "./switch-choice.ts";

/** The root of the repository: the context of every build. */
export const repositoryRoot = join(import.meta.dirname, "..");

export type ImageName = "secrets" | "freeswitch-sound" | "freeswitch" | "lab-switch" | "edge" | "app-server";

/** A line about a slow step: what is being done to which image. */
export type Progress = (image: string, what: string) => void;

interface Recipe {
  /** What decides its tag; the Dockerfile's own folder unless given. */
  files: readonly string[];
  /** Parts whose npm packages go in, as keys of package-lock.json. */
  npm?: readonly string[];
  /** Its files alone decide, whatever it is built on: data, with nothing of a base image in it. */
  dataOnly?: true;
}

/** What every image with JavaScript is made with. */
const node = [".npmrc", "app/package.json"];

/** The inputs of each image. */
const recipes: Record<ImageName, Recipe> = {
  "secrets": { files: ["images/secrets"], dataOnly: true },
  "freeswitch-sound": { files: ["images/freeswitch-sound/sounds.lock"], dataOnly: true },
  "freeswitch": { files: ["images/freeswitch"] },
  "lab-switch": { files: ["images/lab-switch", "app/lab-switch", ...node], npm: ["app/lab-switch"] },
  "edge": { files: ["images/edge", "app/sip-gate", "app/limits", ...node], npm: ["app/sip-gate"] },
  "app-server": {
    files: ["images/app-server", "app/server", "app/limits", "app/protocol", "app/client", "app/softphone", "tsconfig.json", ...node],
    // The page is bundled by the last two. (app/softphone/build.mjs, types.mjs)
    npm: ["app/server", "app/client", "node_modules/esbuild", "node_modules/typescript"],
  },
};

export const imageNames = Object.keys(recipes) as ImageName[];

/** An image by its reference, with what building it would take if it isn't there. */
export interface Image {
  name: ImageName;
  reference: string;
  built: boolean;
  buildArgs: Record<string, string>;
  /** Images that it is built from. */
  bases: readonly string[];
  /** What its tag is the hash of, as its label keeps it; empty for an image that is not built here. */
  inputs: Record<string, string>;
}

/** What Docker has: image ids by `repository:tag`, and its platform. */
export interface Inventory { images: Map<string, string>; platform: string }

export async function takeInventory(client: DockerClient): Promise<Inventory> {
  const [version, list] = await Promise.all([
    docker(client, ["version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"]),
    docker(client, ["image", "ls", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"]),
  ]);
  const images = new Map(list.trim().split("\n").map((line) => line.split(" ") as [string, string]));
  return { images, platform: version.trim() };
}

/** The images of a stack, named by what is in them. Nothing is built. */
export function planImages(settings: Settings, choice: SwitchChoice, inventory: Inventory): Record<ImageName, Image | undefined> {
  const ready: Partial<Record<ImageName, string>> = {
    "freeswitch": settings.freeswitch.image,
    "lab-switch": settings.images.labSwitch,
    "edge": settings.images.edge,
    "app-server": settings.images.appServer,
    "freeswitch-sound": settings.images.sound,
  };
  const plan = (name: ImageName): Image => {
    const reference = ready[name];
    if (reference !== undefined) return { name, reference, built: false, buildArgs: {}, bases: [], inputs: {} };
    return planImage(name, settings, inventory);
  };
  return {
    "secrets": plan("secrets"),
    "freeswitch-sound": plan("freeswitch-sound"),
    "freeswitch": choice.kind === "freeswitch" ? plan("freeswitch") : undefined,
    "lab-switch": choice.kind === "lab-switch" ? plan("lab-switch") : undefined,
    "edge": plan("edge"),
    "app-server": plan("app-server"),
  };
}

export function planImage(name: ImageName, settings: Settings, inventory: Inventory): Image {
  const recipe = recipes[name];
  const buildArgs: Record<string, string> = name === "freeswitch" && settings.freeswitch.apt !== undefined
    ? { FREESWITCH_APT_SOURCE: settings.freeswitch.apt } : {};
  const dockerfile = join(repositoryRoot, "images", name, "Dockerfile");
  if (!existsSync(dockerfile)) throw new Refusal(`images/${name}/Dockerfile is missing: this copy of Houseline is not whole. Get it again, or restore the file.`);
  const bases = baseImages(readFileSync(dockerfile, "utf8"));
  const lines = inputLines(repositoryRoot, {
    name, files: recipe.files, npm: recipe.npm ?? [], buildArgs,
    bases: Object.fromEntries(recipe.dataOnly ? [] : bases.map((base) => [base, inventory.images.get(base) ?? "absent"])),
    platform: inventory.platform,
  });
  const repository = settings.registry === undefined ? `houseline/${name}` : `${settings.registry}/houseline/${name}`;
  return { name, reference: `${repository}:${tagOf(lines)}`, built: true, buildArgs, bases, inputs: inputRecord(lines) };
}

/** Makes sure that each image is there: it has it, a registry has it, or it is built. */
export async function ensureImages(client: DockerClient, images: readonly Image[], settings: Settings, inventory: Inventory, progress: Progress, signal?: AbortSignal): Promise<void> {
  for (const image of images) {
    if (inventory.images.has(image.reference)) continue;
    if ((!image.built || settings.registry !== undefined) && await pulled(client, image, progress, signal)) continue;
    if (!image.built) throw new Refusal(`The image ${image.reference}, which the configuration names, is neither on this host nor can it be pulled. Check its name, and 'docker login' for its registry.`);
    await buildImage(client, repositoryRoot, image, settings.freeswitch, progress, { signal });
  }
}

async function pulled(client: DockerClient, image: Image, progress: Progress, signal?: AbortSignal): Promise<boolean> {
  progress(image.name, `pulling ${image.reference}`);
  const { code, stderr } = await runDocker(client, ["pull", "--quiet", image.reference], { signal });
  const full = code === 0 ? undefined : fullDisk(stderr);
  if (full !== undefined) throw new Refusal(`The image ${image.reference} could not be pulled. ${full} Nothing was changed.`);
  return code === 0;
}
