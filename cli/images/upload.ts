import { openAsBlob, rmSync } from "node:fs";
import { join } from "node:path";
import type { DockerClient } from "../../pulumi/docker-cli.ts";
import { withSavedImage } from "../../pulumi/image-archive.ts";
import { canonical } from "../../pulumi/reproducible-image.ts";
import { configType, digestOf, layerType, manifestType, type Descriptor, type Manifest, type Registry } from "../../pulumi/registry.ts";
import { compress, type CompressedIndex } from "./compressed.ts";

export interface Uploaded { digest: string; manifest: Buffer; sentBytes: number; bytes: number }

/**
 * Sends an image to a registry: layers that it lacks, the configuration, the manifest under its digest alone. No tag is
 * moved: whoever looks by tag sees nothing of it yet.
 *
 * @param mountFrom a repository that has most of the layers already, of another image
 */
export async function uploadImage(client: DockerClient, registry: Registry, repository: string, reference: string, index: CompressedIndex, note: (what: string) => void, mountFrom?: string): Promise<Uploaded> {
  return withSavedImage(client, reference, async ({ config, configBytes, layers }, folder) => {
    let sentBytes = 0;
    const descriptors: Descriptor[] = [];
    for (const [position, layer] of layers.entries()) {
      const diffId = config.rootfs.diff_ids[position]!;
      note(`layer ${position + 1} of ${layers.length}`);
      const known = index.get(diffId);
      if (known && await registry.hasBlob(repository, known.digest)) {
        descriptors.push({ mediaType: layerType, ...known });
        continue;
      }
      const path = join(folder, "layer.tar.gz");
      const compressed = await compress(layer, path);
      sentBytes += await registry.putBlob(repository, compressed.digest, await openAsBlob(path), mountFrom);
      rmSync(path);
      index.set(diffId, compressed);
      descriptors.push({ mediaType: layerType, ...compressed });
    }
    const configDescriptor = { mediaType: configType, digest: digestOf(configBytes), size: configBytes.length };
    sentBytes += await registry.putBlob(repository, configDescriptor.digest, new Blob([new Uint8Array(configBytes)]));
    const content: Manifest = { schemaVersion: 2, mediaType: manifestType, config: configDescriptor, layers: descriptors };
    const manifest = Buffer.from(canonical(content));
    await registry.putManifest(repository, digestOf(manifest), manifest);
    return { digest: digestOf(manifest), manifest, sentBytes, bytes: descriptors.reduce((sum, { size }) => sum + size, configBytes.length) };
  });
}
