import { mkdirSync, statSync } from "node:fs";
import { uid } from "./containers.ts";
import { docker, type DockerClient } from "./docker-cli.ts";

/**
 * Gives a directory of the host to the user of the containers. Docker would create a missing one as root's, and this
 * program need not run as root: a one-shot container does it, which has root's rights in that directory alone.
 */
export async function ownDataDirectory(client: DockerClient, path: string, stack: string, image: string): Promise<void> {
  mkdirSync(path, { recursive: true });
  if (statSync(path).uid === uid) return;
  await docker(client, [
    "run", "--rm", "--user", "0:0", "--network", "none", "--label", `houseline.stack=${stack}`, "--label", "houseline.role=data-owner",
    "--volume", `${path}:/data`, "--entrypoint", "chown", image, "-R", `${uid}:${uid}`, "/data",
  ]);
}
