import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { baseLocks } from "./base-locks.ts";
import { buildImage } from "./image-build.ts";
import { docker, runDocker, type DockerClient } from "./docker-cli.ts";
import { baseImages, inputLines, inputRecord, tagOf, type InputLine } from "./image-inputs.ts";
import { fullDisk } from "./full-disk.ts";
import { hasApplication, hasRelay, type Servers } from "./port-ranges.ts";
import { parseAddress, pinnedReference, type Published } from "./published.ts";
import { withDockerConfig } from "./registry-credentials.ts";
import { Refusal } from "./refusal.ts";
import type { Settings } from "./settings.ts";
import type { SwitchChoice } from "./switch-choice.ts";
import { isPinned } from "./violations.ts";

/** The root of the repository: the context of every build. */
export const repositoryRoot = join(import.meta.dirname, "..");

/** The images of a stack; of the two switches the one that it runs, and of the relay if it has one. */
export type PlannedImages = Record<ImageName, Image | undefined>;

export type ImageName = "secrets" | "freeswitch-sound" | "freeswitch" | "lab-switch" | "edge" | "app-server" | "turn";

/** A line about a slow step: what is being done to which image. */
export type Progress = (image: string, what: string) => void;

interface Recipe {
  /** What decides its tag; the Dockerfile's own folder unless given. */
  files: readonly string[];
  /** Parts whose npm packages go in, as keys of package-lock.json. */
  npm?: readonly string[];
  /** Which of the files locks Debian packages. */
  debs?: string;
  /** Its files alone decide, whatever it is built on: data, with nothing of a base image in it. */
  dataOnly?: true;
}

/** What every image with JavaScript is made with. */
const node = [".npmrc", "app/package.json"];

/** The inputs of each image. */
const recipes: Record<ImageName, Recipe> = {
  "secrets": { files: ["images/secrets"], dataOnly: true },
  "freeswitch-sound": { files: ["images/freeswitch-sound/sounds.lock"], dataOnly: true },
  "freeswitch": { files: ["images/freeswitch"], debs: "images/freeswitch/packages.lock" },
  "lab-switch": { files: ["images/lab-switch", "app/lab-switch", ...node], npm: ["app/lab-switch"] },
  "edge": { files: ["images/edge", "app/sip-gate", "app/limits", ...node], npm: ["app/sip-gate"] },
  "app-server": {
    files: ["images/app-server", "app/server", "app/limits", "app/protocol", "app/client", "app/softphone", "tsconfig.json", ...node],
    // The page is bundled by the last two. (app/softphone/build.mjs, types.mjs)
    npm: ["app/server", "app/client", "node_modules/esbuild", "node_modules/typescript"],
  },
  "turn": { files: ["images/turn"], debs: "images/turn/packages.lock" },
};

export const imageNames = Object.keys(recipes) as ImageName[];

/** Where the configuration may name one that is ready-made. */
const keys: Partial<Record<ImageName, string>> = { "freeswitch": "freeswitch.image", "lab-switch": "images.labSwitch", "edge": "images.edge", "app-server": "images.appServer", "freeswitch-sound": "images.sound", "turn": "images.turn" };

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
  /** The name that an image pulled by its digest gets on the host, so that people and `docker image ls` can tell it. */
  alias?: string;
}

/** Those that a host with these servers needs. */
export function imagesOn(images: PlannedImages, servers: Servers): Image[] {
  const elsewhere: readonly ImageName[] = [
    ...(servers === "application" ? ["freeswitch-sound", "freeswitch", "lab-switch"] as const : []), ...(hasRelay(servers) ? [] : ["turn"] as const), ...(hasApplication(servers) ? [] : ["app-server"] as const),
  ];
  return Object.values(images).filter((image) => image !== undefined).filter(({ name }) => !elsewhere.includes(name));
}

/** What Docker has: image ids by `repository:tag`, and its platform. */
export interface Inventory { images: Map<string, string>; platform: string }

export async function takeInventory(client: DockerClient): Promise<Inventory> {
  const [version, list] = await Promise.all([
    docker(client, ["version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"]),
    docker(client, ["image", "ls", "--no-trunc", "--digests", "--format", "{{.Repository}} {{.Tag}} {{.Digest}} {{.ID}}"]),
  ]);
  const images = new Map(list.trim().split("\n").flatMap((line): [string, string][] => {
    const [repository = "", tag = "", digest = "", id = ""] = line.split(" ");
    return [[`${repository}:${tag}`, id], [`${repository}@${digest}`, id]];
  }));
  return { images, platform: version.trim() };
}

/**
 * The images of a stack: named by what is in them, or, with a registry, the ones that were published for the files here.
 * Nothing is built.
 */
export function planImages(settings: Settings, choice: SwitchChoice, inventory: Inventory, published?: Published): PlannedImages {
  const ready: Partial<Record<ImageName, string>> = {
    "freeswitch": settings.freeswitch.image,
    "lab-switch": settings.images.labSwitch,
    "edge": settings.images.edge,
    "app-server": settings.images.appServer,
    "freeswitch-sound": settings.images.sound,
    "turn": settings.images.turn,
  };
  const plan = (name: ImageName): Image => {
    const reference = ready[name];
    if (reference !== undefined && !isPinned(reference)) {
      throw new Refusal(`'houseline:${keys[name]}' is ${reference}, which may be another image tomorrow. Name it by its digest: ${reference.replace(/:[\w.-]+$/, "")}@sha256:…; 'docker image inspect' shows it as RepoDigests. Nothing was changed.`);
    }
    if (reference !== undefined) return { name, reference, built: false, buildArgs: {}, bases: [], inputs: {} };
    return published ? publishedImage(name, published) : planImage(name, settings, inventory);
  };
  return {
    "secrets": plan("secrets"),
    "freeswitch-sound": plan("freeswitch-sound"),
    "freeswitch": choice.kind === "freeswitch" ? plan("freeswitch") : undefined,
    "lab-switch": choice.kind === "lab-switch" ? plan("lab-switch") : undefined,
    "edge": plan("edge"),
    "app-server": plan("app-server"),
    "turn": settings.turn.enabled ? plan("turn") : undefined,
  };
}

function publishedImage(name: ImageName, published: Published): Image {
  const { address, source, images } = published;
  const found = images[name];
  if (!found) throw new Refusal(`What was published in ${address.shown} for the files here (release ${source}) has no ${name}: CI published it for a stack ${name === "turn" ? "without a relay" : "with another switch"}. Nothing was changed. ${name === "freeswitch" ? "Publish it with a source of FreeSWITCH's packages, or set 'houseline:switch.kind' to lab." : `Publish it: './houseline images --publish ${address.shown}'.`}`);
  return { name, reference: pinnedReference(address, name, found), built: false, buildArgs: {}, bases: [], inputs: {}, alias: `${address.shown}/houseline-${name}:${found.tag}` };
}

/** What goes into every image, without what differs from one builder to another. */
export function baseFreeLines(): InputLine[] {
  return imageNames.flatMap((name) => inputLines(repositoryRoot, { name, files: recipes[name].files, npm: recipes[name].npm ?? [], buildArgs: {}, bases: {}, platform: "any" }));
}

/** An image that is built from the files here, whatever registry is configured. */
export function planImage(name: ImageName, settings: Settings, inventory: Inventory): Image {
  const recipe = recipes[name];
  const buildArgs: Record<string, string> = name === "freeswitch" && settings.freeswitch.apt !== undefined
    ? { FREESWITCH_APT_SOURCE: settings.freeswitch.apt } : {};
  const dockerfile = join(repositoryRoot, "images", name, "Dockerfile");
  if (!existsSync(dockerfile)) throw new Refusal(`images/${name}/Dockerfile is missing: this copy of Houseline is not whole. Get it again, or restore the file.`);
  const bases = baseImages(readFileSync(dockerfile, "utf8"));
  const locks = baseLocks(repositoryRoot);
  const lines = inputLines(repositoryRoot, {
    name, files: recipe.files, npm: recipe.npm ?? [], debs: recipe.debs, buildArgs,
    // A locked base image is the same everywhere; any other is what this host has under its name.
    bases: Object.fromEntries(recipe.dataOnly ? [] : bases.map((base) => [base, locks.get(base) ?? inventory.images.get(base) ?? "absent"])),
    platform: inventory.platform,
  });
  return { name, reference: `houseline/${name}:${tagOf(lines)}`, built: true, buildArgs, bases, inputs: inputRecord(lines) };
}

/** Makes sure that each image is there: it has it, it is pulled, or it is built. */
export async function ensureImages(client: DockerClient, images: readonly Image[], settings: Settings, inventory: Inventory, progress: Progress, signal?: AbortSignal): Promise<void> {
  for (const image of images) {
    if (inventory.images.has(image.reference)) continue;
    if (image.built) await buildImage(client, repositoryRoot, image, settings.freeswitch, progress, { signal });
    else await pullImage(client, image, settings, progress, signal);
  }
}

async function pullImage(client: DockerClient, { name, reference, alias }: Image, settings: Settings, progress: Progress, signal?: AbortSignal): Promise<void> {
  progress(name, `pulling ${reference}`);
  const address = settings.registry.address === undefined ? undefined : parseAddress(settings.registry.address);
  const own = address !== undefined && reference.startsWith(`${address.shown}/`);
  const pull = (environment: Record<string, string> = {}) => runDocker(client, ["pull", "--quiet", reference], { signal, environment });
  const { code, stderr } = own ? await withDockerConfig(address.host, settings, pull) : await pull();
  const full = code === 0 ? undefined : fullDisk(stderr);
  if (full !== undefined) throw new Refusal(`The image ${reference} could not be pulled. ${full} Nothing was changed.`);
  if (code !== 0) throw new Refusal(`The image ${reference} is neither on this host nor can it be pulled (${stderr.trim().split("\n").at(-1)}). Check its name, and 'docker login' for its registry. Nothing was changed.`);
  if (alias !== undefined) await docker(client, ["tag", reference, alias]);
}
