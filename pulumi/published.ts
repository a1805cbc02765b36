import { createHash } from "node:crypto";
import { baseFreeLines, type ImageName } from "./images.ts";
import { Refusal } from "./refusal.ts";
import { Registry, type RegistryOptions } from "./registry.ts";
import { credentialsFor } from "./registry-credentials.ts";
import type { Settings } from "./settings.ts";

/** Media type of what says which images belong to one state of the files. */
export const releaseType = "application/vnd.houseline.release.v1+json";
const longestRelease = 1 << 20;

export interface PublishedImage { tag: string; digest: string }

/** What was published for one state of the files, by platform (`linux/amd64`) and image. */
export interface PublishedRelease { source: string; platforms: Record<string, Partial<Record<ImageName, PublishedImage>>> }

/** Where images lie: the registry's host, and what stands before their names there. */
export interface RegistryAddress { host: string; prefix: string; shown: string }

/** `registry.example.com/team` → host and prefix; a name without a host is one of Docker's own registry, as `docker pull` has it. */
export function parseAddress(address: string): RegistryAddress {
  const [first = "", ...rest] = address.split("/");
  const hasHost = first === "localhost" || /[.:]/.test(first);
  if (!hasHost || first === "docker.io") return { host: "registry-1.docker.io", prefix: `${(hasHost ? rest : [first, ...rest]).join("/")}/`, shown: hasHost ? address : `docker.io/${address}` };
  return { host: first, prefix: rest.length === 0 ? "" : `${rest.join("/")}/`, shown: address };
}

export const repositoryOf = (address: RegistryAddress, name: ImageName | "release") => `${address.prefix}houseline-${name}`;

/** A reference that Docker pulls and no later push can change. */
export const pinnedReference = (address: RegistryAddress, name: ImageName, { digest }: PublishedImage) => `${address.shown}/houseline-${name}@${digest}`;

/**
 * The name of what is published for the files here: a hash of every image's files and npm packages. Base images, build
 * arguments and the platform are CI's: whoever deploys need not have them.
 */
export function sourceTag(): string {
  const hash = createHash("sha256");
  for (const line of baseFreeLines()) hash.update(`${JSON.stringify(line)}\n`);
  return hash.digest("hex").slice(0, 12);
}

export async function registryOf(address: RegistryAddress, settings: Pick<Settings, "registry">, options: Omit<RegistryOptions, "credentials"> = {}): Promise<Registry> {
  return new Registry(address.host, { ...options, credentials: await credentialsFor(address.host, settings) });
}

/** What was published for the files here, or `undefined`. */
export async function readRelease(registry: Registry, address: RegistryAddress, source: string): Promise<PublishedRelease | undefined> {
  const repository = repositoryOf(address, "release");
  const found = await registry.manifest(repository, source);
  const layer = found?.manifest.layers?.[0];
  if (!found || layer?.mediaType !== releaseType) return undefined;
  try {
    return JSON.parse((await registry.blob(repository, layer.digest, longestRelease)).toString()) as PublishedRelease;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal(`${address.shown}/houseline-release:${source} is damaged. Publish again: './houseline images --publish ${address.shown}'.`);
  }
}

/** The images that a stack with a registry is deployed from. */
export interface Published { address: RegistryAddress; source: string; images: Partial<Record<ImageName, PublishedImage>> }

/** Looks up what the configured registry has for the files here and this platform; nothing without a registry. */
export async function findPublished(settings: Pick<Settings, "registry">, platform: string): Promise<Published | undefined> {
  if (settings.registry.address === undefined) return undefined;
  const address = parseAddress(settings.registry.address);
  const source = sourceTag();
  const release = await readRelease(await registryOf(address, settings), address, source);
  const images = release?.platforms[platform];
  if (!images) {
    throw new Refusal(`Nothing was published in ${address.shown} for the files here (release ${source})${release ? ` and ${platform}` : ""}. 'houseline:registry.address' is set, so nothing is built here: let CI publish this state ('./houseline images --publish ${address.shown}'), or check out one that it has published. Nothing was changed.`);
  }
  return { address, source, images };
}
