import { readFileSync } from "node:fs";
import { planImages, takeInventory, type Image, type ImageName, type Inventory } from "../../pulumi/images.ts";
import { parseAddress, readRelease, registryOf, releaseType, repositoryOf, sourceTag, type PublishedImage, type PublishedRelease, type RegistryAddress } from "../../pulumi/published.ts";
import { canonical } from "../../pulumi/reproducible-image.ts";
import { digestOf, manifestType, type Registry } from "../../pulumi/registry.ts";
import { shortName } from "../../pulumi/containers.ts";
import { chooseSwitch } from "../../pulumi/switch-choice.ts";
import { Failure } from "../failure.ts";
import { say, step } from "../terminal.ts";
import type { CheckedImage } from "./check/index.ts";
import { CompressedIndex } from "./compressed.ts";
import { buildMissing } from "./build.ts";
import type { ImagesContext } from "./index.ts";
import { megabytes } from "./megabytes.ts";
import { uploadImage } from "./upload.ts";

interface Outcome { image: ImageName; tag: string; digest: string; sentBytes: number; bytes?: number; manifest: Buffer; existed: boolean }

/**
 * `./houseline images --publish REGISTRY`: builds what the registry lacks and sends it there. Everything is there under its digest
 * before the first tag moves, and the tag by which `up` finds it moves last: half of it is never seen.
 */
export async function publish(context: ImagesContext, given: string): Promise<number> {
  if (!/^[a-z0-9]([a-z0-9._:/-]*[a-z0-9])?$/.test(given)) throw new Failure(`--publish takes a registry, with what stands before the images' names there, such as registry.example.com/team; it was given '${given}'.`);
  const address = parseAddress(given);
  const wanted = imagesToPublish(context);
  const registry = await registryOf(address, context.settings);
  const existing = new Map<ImageName, Outcome>();
  for (const image of wanted) {
    const tag = shortName(image.reference);
    const found = await registry.manifest(repositoryOf(address, image.name), tag);
    if (found) existing.set(image.name, { image: image.name, tag, digest: found.digest, manifest: found.bytes, sentBytes: 0, existed: true });
  }
  const fresh = wanted.filter(({ name }) => !existing.has(name));
  const { inventory, checked } = await buildAndCheck(context, wanted, fresh);
  const index = new CompressedIndex();
  const outcomes: Outcome[] = [];
  for (const image of wanted) outcomes.push(existing.get(image.name) ?? await step(`Sending ${image.reference}`, (note) => send({ ...context, inventory }, registry, address, image, outcomes, index, note)));
  for (const { image, sbomPath } of checked) await publishSbom(registry, repositoryOf(address, image), outcomes.find((one) => one.image === image)!.digest, readFileSync(sbomPath));
  for (const { image, tag, manifest, existed } of outcomes) if (!existed) await registry.putManifest(repositoryOf(address, image), tag, manifest);
  const source = sourceTag();
  await publishRelease(registry, address, source, context.inventory.platform, outcomes);
  report(context, address, source, outcomes);
  return 0;
}

/** Those that are built here; what the configuration names ready-made is published already. */
function imagesToPublish({ settings, inventory }: ImagesContext): Image[] {
  const here = { ...settings, registry: { ...settings.registry, address: undefined } };
  return Object.values(planImages(here, chooseSwitch(here), inventory)).filter((image): image is Image => image?.built === true);
}

/** A check that fails ends it here: nothing was sent. */
async function buildAndCheck(context: ImagesContext, wanted: readonly Image[], fresh: readonly Image[]): Promise<{ inventory: Inventory; checked: CheckedImage[] }> {
  // The checks start the others with it.
  const needed = fresh.length === 0 ? [] : wanted.filter((image) => image.name === "secrets" || fresh.includes(image));
  await buildMissing({ ...context, images: needed }, true);
  const inventory = fresh.length === 0 ? context.inventory : await takeInventory(context.client);
  const checked = fresh.length === 0 ? [] : await (await import("./check/index.ts")).checkImages({ ...context, inventory }, fresh);
  const failed = checked.filter(({ findings }) => findings.length > 0);
  if (failed.length === 0) return { inventory, checked };
  throw new Failure(`Nothing was published: ${failed.map(({ image }) => image).join(", ")} failed the checks.\n${failed.flatMap(({ image, findings }) => findings.map((finding) => `  ${image}: ${finding}`)).join("\n")}`);
}

async function send({ client }: ImagesContext, registry: Registry, address: RegistryAddress, image: Image, before: readonly Outcome[], index: CompressedIndex, note: (what: string) => void): Promise<Outcome> {
  const largest = before.filter(({ image: name }) => name !== "freeswitch-sound").toSorted((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0))[0];
  const uploaded = await uploadImage(client, registry, repositoryOf(address, image.name), image.reference, index, note, largest && repositoryOf(address, largest.image));
  return { image: image.name, tag: shortName(image.reference), existed: false, ...uploaded };
}

/** Beside the image, where tools look for it: under the tag `sha256-<digest>.sbom`. */
async function publishSbom(registry: Registry, repository: string, digest: string, document: Buffer): Promise<void> {
  await publishDocument(registry, repository, `${digest.replace(":", "-")}.sbom`, "application/spdx+json", document);
}

/** Says which images belong to these files; what other platforms have published for them stays. */
async function publishRelease(registry: Registry, address: RegistryAddress, source: string, platform: string, outcomes: readonly Outcome[]): Promise<void> {
  const repository = repositoryOf(address, "release");
  const before = await readRelease(registry, address, source);
  const images = Object.fromEntries(outcomes.map(({ image, tag, digest }): [ImageName, PublishedImage] => [image, { tag, digest }]));
  const release: PublishedRelease = { source, platforms: { ...before?.platforms, [platform]: { ...before?.platforms[platform], ...images } } };
  await publishDocument(registry, repository, source, releaseType, Buffer.from(canonical(release)));
}

/** A file in a registry: an artifact with one layer. (OCI Image Manifest Specification, "Guidelines for Artifact Usage") */
async function publishDocument(registry: Registry, repository: string, tag: string, mediaType: string, content: Buffer): Promise<void> {
  const empty = Buffer.from("{}");
  for (const bytes of [content, empty]) await registry.putBlob(repository, digestOf(bytes), new Blob([new Uint8Array(bytes)]));
  const manifest = Buffer.from(canonical({
    schemaVersion: 2, mediaType: manifestType, artifactType: mediaType,
    config: { mediaType: "application/vnd.oci.empty.v1+json", digest: digestOf(empty), size: empty.length },
    layers: [{ mediaType, digest: digestOf(content), size: content.length }],
  }));
  await registry.putManifest(repository, tag, manifest);
}

function report({ json }: ImagesContext, address: RegistryAddress, source: string, outcomes: readonly Outcome[]): void {
  if (json) {
    say(JSON.stringify({ registry: address.shown, release: source, images: outcomes.map(({ manifest: _, ...outcome }) => outcome) }, null, 2));
    return;
  }
  for (const { image, tag, digest, sentBytes, bytes, existed } of outcomes) {
    say(`  ${image.padEnd(17)} ${tag}  ${digest.slice(0, 19)}…  ${existed ? "was there" : `${megabytes(sentBytes)} sent of ${megabytes(bytes!)}`}`);
  }
  say(`Published for the files here as ${address.shown}/houseline-release:${source}. A stack with 'houseline:registry.address' ${address.shown} is deployed from it.`);
}
