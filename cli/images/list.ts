import { shortName } from "../../pulumi/containers.ts";
import { runDocker, type DockerClient } from "../../pulumi/docker-cli.ts";
import { currentRelease } from "../releases.ts";
import { say } from "../terminal.ts";
import type { ImagesContext } from "./index.ts";
import { megabytes } from "./megabytes.ts";

/** `./houseline images`: each image with its tag, whether it is there, its size, and whether it is what is deployed. */
export async function list({ environment, client, images, json }: ImagesContext): Promise<number> {
  const deployed = currentRelease(environment)?.images;
  const rows = await Promise.all(images.map(async ({ name, reference, built }) => {
    const size = await sizeOf(client, reference);
    return {
      image: name, reference, tag: shortName(reference), there: size !== undefined, bytes: size?.all, ownBytes: size?.own,
      built, deployed: deployed === undefined ? undefined : deployed[name] === reference,
    };
  }));
  if (json) {
    say(JSON.stringify(rows, null, 2));
    return 0;
  }
  for (const row of rows) {
    const size = row.bytes === undefined ? "" : `${megabytes(row.bytes)}, of it ours ${megabytes(row.ownBytes!)}`;
    const deployment = row.deployed === undefined ? "" : row.deployed ? "deployed" : `differs from what is deployed (--explain ${row.image})`;
    say(`  ${row.image.padEnd(17)} ${row.tag.slice(0, 24).padEnd(13)} ${stateOf(row).padEnd(10)}  ${size.padEnd(28)}  ${deployment}`.trimEnd());
  }
  if (rows.some((row) => row.built && !row.there)) say("\n'./houseline images --build' builds what is not built; './houseline up' does it too.");
  return 0;
}

function stateOf({ built, there }: { built: boolean; there: boolean }): string {
  return built ? (there ? "built" : "not built") : (there ? "here" : "not pulled");
}

/** Bytes on this host before compression: all of it, and what lies above the base image. */
async function sizeOf(client: DockerClient, reference: string): Promise<{ all: number; own: number } | undefined> {
  const [inspected, history] = await Promise.all([
    runDocker(client, ["image", "inspect", "--format", "{{.Size}}", reference]),
    runDocker(client, ["history", "--no-trunc", "--human=false", "--format", "{{.Size}} {{.Comment}}", reference]),
  ]);
  if (inspected.code !== 0) return undefined;
  const own = history.stdout.trim().split("\n").filter((line) => line.includes("buildkit")).reduce((sum, line) => sum + Number.parseInt(line, 10), 0);
  return { all: Number(inspected.stdout), own };
}
