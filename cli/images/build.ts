import { ensureImages } from "../../pulumi/images.ts";
import { say, step } from "../terminal.ts";
import type { ImagesContext } from "./index.ts";

/** Builds, or gets, every image that is not there. */
export async function buildMissing({ client, settings, inventory, images: wanted }: ImagesContext, quiet = false): Promise<void> {
  for (const image of wanted.filter(({ reference }) => !inventory.images.has(reference))) {
    await step(`Image ${image.reference}`, (note) => ensureImages(client, [image], settings, inventory, (_, what) => note(what)));
  }
  if (!quiet && wanted.every(({ reference }) => inventory.images.has(reference))) say("Every image is there: nothing to build.");
}
