import { shortName } from "../../pulumi/containers.ts";
import { runDocker, type DockerClient } from "../../pulumi/docker-cli.ts";
import { currentRelease } from "../releases.ts";
import { say } from "../terminal.ts";
import type { ImagesContext } from "./index.ts";
import { megabytes } from "./megabytes.ts";

/** `./houseline images`: each image with its tag, whether it is there, its size, and whether it is what is deployed. */
export async function list({ environment, client, images, json }: ImagesContext): Promise<number> {
  const deployed = currentRelease(environment)?.images;
  const sizes = await sizesOf(client, images.map(({ reference }) => reference));
  const rows = await Promise.all(images.map(async ({ name, reference, built }) => {
    const bytes = sizes.get(reference);
    return {
      image: name, reference, tag: shortName(reference), there: bytes !== undefined, bytes, ownBytes: bytes === undefined ? undefined : await ownBytes(client, reference),
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

/** Bytes on this host before compression, by reference, of those that are there: asked at once, since every question starts a client. */
async function sizesOf(client: DockerClient, references: readonly string[]): Promise<Map<string, number>> {
  // One that isn't there makes the command fail, and the others are told all the same.
  const { stdout } = await runDocker(client, ["image", "inspect", "--format", "{{.Size}}\t{{json .RepoTags}}\t{{json .RepoDigests}}", ...references]);
  return new Map(stdout.trim().split("\n").filter(Boolean).flatMap((line) => {
    const [size, tags, digests] = line.split("\t").map((part) => JSON.parse(part) as unknown) as [number, string[] | null, string[] | null];
    return [...tags ?? [], ...digests ?? []].map((reference): [string, number] => [reference, size]);
  }));
}

/** Of these, what lies above the base image. */
async function ownBytes(client: DockerClient, reference: string): Promise<number> {
  const { stdout } = await runDocker(client, ["history", "--no-trunc", "--human=false", "--format", "{{.Size}} {{.Comment}}", reference]);
  return stdout.trim().split("\n").filter((line) => line.includes("buildkit")).reduce((sum, line) => sum + Number.parseInt(line, 10), 0);
}
