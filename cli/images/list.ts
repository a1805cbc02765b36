import { runDocker, type DockerClient } from "../../pulumi/docker-cli.ts";
import { currentRelease } from "../releases.ts";
import { say } from "../terminal.ts";
import type { ImagesContext } from "./index.ts";

/** `./houseline images`: each image with its tag, whether it is there, its size, and whether it is what is deployed. */
export async function list({ environment, client, images, json }: ImagesContext): Promise<number> {
  const deployed = currentRelease(environment)?.images;
  const rows = await Promise.all(images.map(async ({ name, reference, built }) => {
    const size = await sizeOf(client, reference);
    return {
      image: name, reference, tag: reference.slice(reference.lastIndexOf(":") + 1), built: size !== undefined, bytes: size?.all, ownBytes: size?.own,
      made: built ? "here" : "elsewhere", deployed: deployed === undefined ? undefined : deployed[name] === reference,
    };
  }));
  if (json) {
    say(JSON.stringify(rows, null, 2));
    return 0;
  }
  for (const row of rows) {
    const size = row.bytes === undefined ? "" : `${megabytes(row.bytes)}, of it ours ${megabytes(row.ownBytes!)}`;
    const state = row.deployed === undefined ? "" : row.deployed ? "deployed" : `differs from what is deployed (--explain ${row.image})`;
    say(`  ${row.image.padEnd(17)} ${row.tag.slice(0, 24).padEnd(13)} ${(row.built ? "built" : "not built").padEnd(9)}  ${size.padEnd(28)}  ${state}`.trimEnd());
  }
  if (rows.some((row) => !row.built)) say("\n'./houseline images --build' builds what is not built; './houseline up' does it too.");
  return 0;
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

export function megabytes(bytes: number): string {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
