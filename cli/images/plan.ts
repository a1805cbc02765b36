import { longestConfig, type ImageConfig } from "../../pulumi/image-archive.ts";
import type { Image } from "../../pulumi/images.ts";
import { parseAddress, registryOf, repositoryOf } from "../../pulumi/published.ts";
import { Failure } from "../failure.ts";
import { say } from "../terminal.ts";
import { HostLayers } from "./host-layers.ts";
import type { ImagesContext } from "./index.ts";
import { megabytes } from "./megabytes.ts";

export interface PlannedLayer { digest: string; bytes: number; downloaded: boolean; what: string }
export interface PlannedImage { image: string; reference: string; bytes: number; downloadedBytes: number; layers: PlannedLayer[] }

/** `./houseline images --plan`: what the stack's host would download for an upgrade to what is published, layer by layer. */
export async function plan(context: ImagesContext): Promise<number> {
  const planned = await planDownload(context);
  const total = planned.reduce((sum, { downloadedBytes }) => sum + downloadedBytes, 0);
  if (context.json) {
    say(JSON.stringify({ downloadedBytes: total, images: planned }, null, 2));
    return 0;
  }
  for (const { image, bytes, downloadedBytes, layers } of planned) {
    say(`  ${image.padEnd(17)} ${downloadedBytes === 0 ? "nothing: it is there" : `${megabytes(downloadedBytes)} of ${megabytes(bytes)}`}`);
    for (const layer of layers) if (layer.downloaded) say(`    ${megabytes(layer.bytes).padStart(8)}  ${layer.what}`);
  }
  say(`${total === 0 ? "Nothing would be downloaded" : `${megabytes(total)} (${total} bytes) would be downloaded`}, before anything is stopped.`);
  return 0;
}

async function planDownload({ client, settings, environment, images }: ImagesContext): Promise<PlannedImage[]> {
  if (settings.registry.address === undefined) {
    throw new Failure(`The stack '${environment.stack}' has no registry ('houseline:registry.address'): its images are built where they run, and none is downloaded. './houseline images' lists what would be built.`);
  }
  const address = parseAddress(settings.registry.address);
  const registry = await registryOf(address, settings);
  const host = await HostLayers.of(client, registry, address.shown);
  const planned: PlannedImage[] = [];
  for (const image of images.filter(({ alias }) => alias !== undefined)) {
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
    planned.push({ image: image.name, reference: image.reference, bytes: sum(layers), downloadedBytes: sum(layers.filter(({ downloaded }) => downloaded)), layers });
  }
  return planned;
}

const digestIn = ({ reference }: Image) => reference.slice(reference.indexOf("@") + 1);

/** The instruction behind each layer, as its history has it. */
function stepsOf({ history }: ImageConfig): string[] {
  return (history ?? []).filter(({ empty_layer }) => !empty_layer)
    .map(({ created_by, comment }) => (created_by ?? comment ?? "").replace(/^\/bin\/sh -c (#\(nop\) )?|# buildkit$|^RUN \/bin\/sh -c /g, "").replace(/\s+/g, " ").trim().slice(0, 90) || "base image");
}
