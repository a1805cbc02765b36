import { createHash } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { docker, type DockerClient } from "./docker-cli.ts";
import { loadImage, withSavedImage, type ImageConfig, type LoadedLayer } from "./image-archive.ts";
import { fixedTime, writeReproducibly } from "./reproducible-layer.ts";
import type { Extent } from "./tar.ts";

/** Labels of every image of ours: which one it is, and what it was made from. */
export const imageLabel = "houseline.image";
export const inputsLabel = "houseline.inputs";

/**
 * Turns what a builder made into what the same inputs give everywhere: our own layers rewritten (`writeReproducibly`), the
 * base image's as they are, one time in the configuration, and the record of the inputs as a label. (A builder that knows
 * SOURCE_DATE_EPOCH does half of it; Debian's Docker does none.)
 *
 * @param bases names of the images that it was built from
 * @param inputs as `inputRecord` gives them
 */
export async function makeReproducible(client: DockerClient, built: string, reference: string, name: string, bases: readonly string[], inputs: Record<string, string>): Promise<void> {
  await withSavedImage(client, built, async ({ config, layers }, folder) => {
    const own = await ownLayerCount(client, bases, config.rootfs.diff_ids);
    const path = join(folder, "layers.tar");
    const fd = openSync(path, "w+");
    try {
      let offset = 0;
      const written = layers.map((layer, index): LoadedLayer => {
        if (index < own) return { diffId: config.rootfs.diff_ids[index]! };
        const { diffId, length } = writeReproducibly(layer, fd);
        const archive: Extent = { fd, offset, length };
        offset += length;
        return { diffId, archive };
      });
      const bytes = Buffer.from(canonical(finished(config, written.map(({ diffId }) => diffId), own, { [imageLabel]: name, [inputsLabel]: canonical(inputs) })));
      await loadImage(client, reference, bytes, createHash("sha256").update(bytes).digest("hex"), written, layers, folder);
    } finally {
      closeSync(fd);
    }
  });
}

/** How many of the lowest layers are a base image's, so where our own begin. */
export async function ownLayerCount(client: DockerClient, bases: readonly string[], layers: readonly string[]): Promise<number> {
  const below = await Promise.all(bases.map(async (base) => JSON.parse(await docker(client, ["image", "inspect", "--format", "{{json .RootFS.Layers}}", base])) as string[]));
  const fitting = below.filter((base) => base.every((layer, index) => layers[index] === layer));
  return Math.max(0, ...fitting.map(({ length }) => length));
}

function finished(config: ImageConfig, layers: readonly string[], own: number, labels: Record<string, string>): ImageConfig {
  const created = new Date(fixedTime * 1_000).toISOString();
  let below = own;
  const history = config.history?.map((step) => {
    const ofBase = below > 0;
    if (ofBase && !step.empty_layer) below--;
    return ofBase ? step : { ...step, created };
  });
  return {
    architecture: config.architecture, os: config.os, ...(config.variant === undefined ? {} : { variant: config.variant }),
    created, history, rootfs: { type: "layers", diff_ids: [...layers] },
    config: { ...config.config, Labels: { ...config.config.Labels, ...labels } },
  };
}

/** JSON whose keys are sorted at every depth: the same value gives the same bytes. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === "object" && inner !== null && !Array.isArray(inner)
    ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner));
}
