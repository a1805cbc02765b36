import { longestConfig, type ImageConfig } from "../../pulumi/image-archive.ts";
import { imagesOn, planImages, type Image, type Inventory } from "../../pulumi/images.ts";
import { findPublished, parseAddress, registryOf, repositoryOf } from "../../pulumi/published.ts";
import { Refusal } from "../../pulumi/refusal.ts";
import type { Settings } from "../../pulumi/settings.ts";
import { chooseSwitch } from "../../pulumi/switch-choice.ts";
import type { Environment } from "../environment.ts";
import { Failure } from "../failure.ts";
import { say } from "../terminal.ts";
import { HostLayers } from "./host-layers.ts";
import { megabytes } from "./megabytes.ts";
import { placesOf, type Place } from "./places.ts";

export interface PlannedLayer { digest: string; bytes: number; downloaded: boolean; what: string }
export interface PlannedImage {
  image: string;
  reference: string;
  /** `kept`: it is there. `pulled`: downloaded, from the stack's registry or the one that its name says. `built`: there, from what is here. */
  what: "kept" | "pulled" | "built";
  /** Of what the stack's registry serves, compressed; nothing is known before of any other. */
  bytes?: number;
  downloadedBytes?: number;
  layers: PlannedLayer[];
}
interface PlannedHost { host: string; servers: Place["servers"]; downloadedBytes: number; images: PlannedImage[] }
/** One that can't be asked, or can't have its part of the stack, and why. */
interface RefusedHost { host: string; servers: Place["servers"]; refused: string }

/** `./houseline images --plan`: what each host of the stack would download for an upgrade, layer by layer, what it would build, and what it has. */
export async function plan({ environment, settings, json }: { environment: Environment; settings: Settings; json: boolean }): Promise<number> {
  const isLocal = settings.hosts.kind === "local";
  if (isLocal && settings.registry.address === undefined) {
    throw new Failure(`The stack '${environment.stack}' has no registry ('houseline:registry.address'): its images are built where they run, and none is downloaded. './houseline images' lists what would be built.`);
  }
  const places = await placesOf(settings, environment);
  const hosts = await Promise.all(places.map((place) => (isLocal ? planHost(place, settings) : planOrRefusal(place, settings))));
  const planned = hosts.filter((host) => "images" in host);
  const total = planned.reduce((sum, { downloadedBytes }) => sum + downloadedBytes, 0);
  const isWhole = planned.length === hosts.length;
  if (json) {
    say(JSON.stringify({ downloadedBytes: total, ...(isLocal ? { images: planned[0]!.images } : { hosts }) }, null, 2));
    return isWhole ? 0 : 1;
  }
  for (const host of hosts) {
    if (!isLocal) say(`${host.host} (${words[host.servers]}):`);
    if ("refused" in host) say(`  ${host.refused}`);
    else for (const image of host.images) tell(image);
  }
  say(`${total === 0 ? "Nothing would be downloaded" : `${megabytes(total)} (${total} bytes) would be downloaded`}${othersOf(planned)}, before anything is stopped.${isWhole ? "" : " What the other hosts would do can't be said."}`);
  return isWhole ? 0 : 1;
}

const words: Record<Place["servers"], string> = { softswitch: "softswitch", application: "application server", both: "both servers", standby: "softswitch in reserve" };

function tell({ image, reference, what, bytes, downloadedBytes, layers }: PlannedImage): void {
  const size = bytes === undefined ? `pulled: ${reference}` : `${megabytes(downloadedBytes!)} of ${megabytes(bytes)}`;
  say(`  ${image.padEnd(17)} ${what === "kept" ? "nothing: it is there" : what === "built" ? "built there" : size}`);
  for (const layer of layers) if (layer.downloaded) say(`    ${megabytes(layer.bytes).padStart(8)}  ${layer.what}`);
}

/** What else would be done than to download what is counted. */
function othersOf(hosts: readonly PlannedHost[]): string {
  const counted = (isMeant: (image: PlannedImage) => boolean) => {
    const { length } = hosts.flatMap(({ images }) => images).filter(isMeant);
    return length === 0 ? undefined : `${length} image${length === 1 ? "" : "s"}`;
  };
  const [built, uncounted] = [counted(({ what }) => what === "built"), counted(({ what, bytes }) => what === "pulled" && bytes === undefined)];
  return `${uncounted === undefined ? "" : `, ${uncounted} pulled whose size is not known here`}${built === undefined ? "" : `, ${built} built`}`;
}

async function planOrRefusal(place: Place, settings: Settings): Promise<PlannedHost | RefusedHost> {
  try {
    return await planHost(place, settings);
  } catch (error) {
    if (!(error instanceof Failure) && !(error instanceof Refusal)) throw error;
    return { host: place.name, servers: place.servers, refused: error.message };
  }
}

async function planHost(place: Place, settings: Settings): Promise<PlannedHost> {
  const inventory = await place.inventory();
  const published = await findPublished(settings, inventory.platform);
  const wanted = imagesOn(planImages(settings, chooseSwitch(settings), inventory, published), place.servers);
  const served = wanted.filter(({ alias }) => alias !== undefined);
  const downloads = new Map((served.length === 0 ? [] : await planDownload(place, settings, served)).map((image) => [image.image, image]));
  const images = wanted.map((image) => downloads.get(image.name) ?? unserved(image, inventory));
  return { host: place.name, servers: place.servers, downloadedBytes: images.reduce((sum, { downloadedBytes = 0 }) => sum + downloadedBytes, 0), images };
}

/** One that is not of the stack's registry. */
function unserved({ name, reference, built }: Image, { images }: Inventory): PlannedImage {
  return { image: name, reference, what: images.has(reference) ? "kept" : built ? "built" : "pulled", layers: [] };
}

async function planDownload({ client }: Place, settings: Settings, images: readonly Image[]): Promise<PlannedImage[]> {
  const address = parseAddress(settings.registry.address!);
  const registry = await registryOf(address, settings);
  const host = client ? await HostLayers.of(client, registry, address.shown) : new HostLayers();
  const planned: PlannedImage[] = [];
  for (const image of images) {
    const repository = repositoryOf(address, image.name);
    const found = await registry.manifest(repository, digestIn(image));
    if (!found) throw new Failure(`${image.reference} is named by what was published, and is not in the registry any more. Publish again: './houseline images --publish ${address.shown}'.`);
    const { manifest } = found;
    const config = JSON.parse((await registry.blob(repository, manifest.config.digest, longestConfig)).toString()) as ImageConfig;
    const fetched = host.pull(manifest, config.rootfs.diff_ids);
    const steps = stepsOf(config);
    const layers = [
      ...manifest.layers.map(({ digest, size }, index) => ({ digest, bytes: size, downloaded: fetched.has(digest) && manifest.layers.findIndex((layer) => layer.digest === digest) === index, what: steps[index] ?? "a layer" })),
      { digest: manifest.config.digest, bytes: manifest.config.size, downloaded: fetched.has(manifest.config.digest), what: "the image's configuration" },
    ];
    const sum = (list: readonly PlannedLayer[]) => list.reduce((total, { bytes }) => total + bytes, 0);
    const downloadedBytes = sum(layers.filter(({ downloaded }) => downloaded));
    planned.push({ image: image.name, reference: image.reference, what: downloadedBytes === 0 ? "kept" : "pulled", bytes: sum(layers), downloadedBytes, layers });
  }
  return planned;
}

const digestIn = ({ reference }: Image) => reference.slice(reference.indexOf("@") + 1);

/** The instruction behind each layer, as its history has it. */
function stepsOf({ history }: ImageConfig): string[] {
  return (history ?? []).filter(({ empty_layer }) => !empty_layer)
    .map(({ created_by, comment }) => (created_by ?? comment ?? "").replace(/^\/bin\/sh -c (#\(nop\) )?|# buildkit$|^RUN \/bin\/sh -c /g, "").replace(/\s+/g, " ").trim().slice(0, 90) || "base image");
}
