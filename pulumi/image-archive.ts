import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { docker, runDocker, type DockerClient } from "./docker-cli.ts";
import { padding, readAt, tarEnd, tarEntries, tarHeader, type Extent, type TarEntry } from "./tar.ts";

/** An image's configuration, of which the rest is kept as it is. (OCI Image Configuration) */
export interface ImageConfig {
  created?: string;
  config: { Labels?: Record<string, string> | null } & Record<string, unknown>;
  history?: { created?: string; created_by?: string; comment?: string; empty_layer?: boolean }[];
  rootfs: { type: string; diff_ids: string[] };
  [other: string]: unknown;
}

/** More than any configuration has. */
export const longestConfig = 4 << 20;

/** An image as `docker save` wrote it: its layers lie in one open file, in the order in which they are put on each other. */
export interface SavedImage { config: ImageConfig; configBytes: Buffer; layers: readonly Extent[] }

/** Saves an image into a file, lets it be read, and removes the file. */
export async function withSavedImage<T>(client: DockerClient, reference: string, use: (image: SavedImage, folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "houseline-image-"));
  let fd: number | undefined;
  try {
    const path = join(folder, "saved.tar");
    fd = openSync(path, "w+");
    await docker(client, ["save", reference], { outputTo: fd });
    return await use(readSaved(fd), folder);
  } finally {
    if (fd !== undefined) closeSync(fd);
    rmSync(folder, { recursive: true, force: true });
  }
}

function readSaved(fd: number): SavedImage {
  const entries = new Map<string, TarEntry>();
  for (const entry of tarEntries({ fd, offset: 0, length: Number.MAX_SAFE_INTEGER })) entries.set(entry.name, entry);
  const find = (name: string): Extent => {
    const entry = entries.get(name);
    if (!entry) throw new Error(`docker save wrote no ${name}.`);
    // The same layer twice is a link the second time.
    return entry.type === "2" ? find(posix.join(posix.dirname(name), entry.link)) : entry.content;
  };
  const read = ({ offset, length }: Extent) => readAt(fd, offset, length);
  const [manifest] = JSON.parse(read(find("manifest.json")).toString()) as [{ Config: string; Layers: string[] }];
  const configBytes = read(find(manifest.Config));
  return { config: JSON.parse(configBytes.toString()) as ImageConfig, configBytes, layers: manifest.Layers.map(find) };
}

/** A layer to be loaded; one without an archive is there already. */
export interface LoadedLayer { diffId: string; archive?: Extent }

/**
 * Gives Docker an image by its configuration and layers. Layers that Docker has are only named: a Docker that wants them
 * nevertheless (the containerd image store does) is given `whole`.
 */
export async function loadImage(client: DockerClient, reference: string, configBytes: Buffer, configName: string, layers: readonly LoadedLayer[], whole: readonly Extent[], folder: string): Promise<void> {
  const thin = await load(layers.map(({ archive }) => archive));
  if (thin.code !== 0) {
    const { code, stderr } = await load(layers.map(({ archive }, index) => archive ?? whole[index]));
    if (code !== 0) throw new Error(`docker load of ${reference} failed: ${stderr.trim().split("\n").at(-1)}`);
  }

  function load(archives: readonly (Extent | undefined)[]) {
    const path = join(folder, "loaded.tar");
    const fd = openSync(path, "w");
    const manifest = [{ Config: `${configName}.json`, RepoTags: [reference], Layers: layers.map((_, index) => `layer-${index}.tar`) }];
    put(`${configName}.json`, configBytes);
    put("manifest.json", Buffer.from(JSON.stringify(manifest)));
    archives.forEach((archive, index) => { if (archive) copy(`layer-${index}.tar`, archive); });
    writeSync(fd, tarEnd);
    closeSync(fd);
    return runDocker(client, ["load", "--quiet", "--input", path]);

    function put(name: string, bytes: Buffer) {
      for (const part of [tarHeader(name, bytes.length), bytes, padding(bytes.length)]) if (part.length > 0) writeSync(fd, part);
    }

    function copy(name: string, from: Extent) {
      writeSync(fd, tarHeader(name, from.length));
      for (let at = 0; at < from.length; at += 1 << 20) writeSync(fd, readAt(from.fd, from.offset + at, Math.min(1 << 20, from.length - at)));
      const rest = padding(from.length);
      if (rest.length > 0) writeSync(fd, rest);
    }
  }
}
