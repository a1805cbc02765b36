import { runDocker, type DockerClient } from "./docker-cli.ts";
import type { ImageFacts } from "./violations.ts";

/** What is known of images; those that aren't on the host (a preview builds and pulls none) are left out. */
export async function imageFacts(client: DockerClient, references: readonly string[]): Promise<Map<string, ImageFacts>> {
  const format = "{{json .RepoTags}}\t{{json .RepoDigests}}\t{{if .Config.Healthcheck}}{{json .Config.Healthcheck.Test}}{{else}}null{{end}}";
  // One that isn't there makes the command fail, and the others are told all the same.
  const { stdout } = await runDocker(client, ["image", "inspect", "--format", format, ...references]);
  return new Map(stdout.trim().split("\n").filter(Boolean).flatMap((line) => {
    const [tags, digests, test] = line.split("\t").map((part) => JSON.parse(part) as string[] | null);
    const hasHealthcheck = test !== null && test !== undefined && test[0] !== "NONE";
    return [...tags ?? [], ...digests ?? []].map((reference): [string, ImageFacts] => [reference, { hasHealthcheck }]);
  }));
}
