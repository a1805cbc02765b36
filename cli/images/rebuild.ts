import { docker, runDocker, type DockerClient } from "../../pulumi/docker-cli.ts";
import { buildImage } from "../../pulumi/image-build.ts";
import { repositoryRoot, type Image } from "../../pulumi/images.ts";
import { Failure } from "../failure.ts";
import { say, step } from "../terminal.ts";
import type { ImagesContext } from "./index.ts";

/**
 * `./houseline images --rebuild IMAGE`: builds it once more from its first line, without what Docker remembers, and says
 * whether the same came out. The image that is there stays.
 */
export async function rebuild({ client, settings, inventory }: ImagesContext, image: Image): Promise<number> {
  if (!image.built) throw new Failure(`${image.reference} is a ready-made image that the configuration names; it is not built here.`);
  const reference = `houseline/building:again-${image.name}-${process.pid}`;
  try {
    await step(`Image ${image.reference} from its first line`, (note) => buildImage(client, repositoryRoot, { ...image, reference }, settings.freeswitch, (_, what) => note(what), { fresh: true }));
    if (!inventory.images.has(image.reference)) {
      await docker(client, ["tag", reference, image.reference]);
      say(`${image.reference} was not there; it is now.`);
      return 0;
    }
    const [before, after] = [await layersOf(client, image.reference), await layersOf(client, reference)];
    const differing = after.flatMap((layer, index) => (layer === before[index] ? [] : [index + 1]));
    if (differing.length === 0 && before.length === after.length) {
      say(`The same came out: ${after.length} layers, to the byte.`);
      return 0;
    }
    say(`Something else came out: layer ${differing.join(", ")} of ${after.length} differs (docker history ${image.reference}). Its inputs don't decide it alone; what a build downloads may have changed.`);
    return 1;
  } finally {
    await runDocker(client, ["rmi", reference]);
  }
}

async function layersOf(client: DockerClient, reference: string): Promise<string[]> {
  return JSON.parse(await docker(client, ["image", "inspect", "--format", "{{json .RootFS.Layers}}", reference])) as string[];
}
