import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { uid } from "./containers.ts";
import { docker, type DockerClient } from "./docker-cli.ts";

/** Where the switch keeps voicemail, in the data directory: the application server finds the messages beside its own data. */
export function voicemailDirectoryOf(dataDirectory: string): string {
  return join(dataDirectory, "voicemail");
}

/**
 * Gives a directory of the host, and that of voicemail in it, to the user of the containers. Docker would create a missing
 * one as root's, and this program need not run as root: a one-shot container does it, which has root's rights in that
 * directory alone.
 */
export async function ownDataDirectory(client: DockerClient, path: string, stack: string, image: string): Promise<void> {
  mkdirSync(path, { recursive: true });
  const owned = [path, voicemailDirectoryOf(path)].every((directory) => statSync(directory, { throwIfNoEntry: false })?.uid === uid);
  if (owned) return;
  await docker(client, [
    "run", "--rm", "--user", "0:0", "--network", "none", "--label", `houseline.stack=${stack}`, "--label", "houseline.role=data-owner",
    "--volume", `${path}:/data`, "--entrypoint", "sh", image, "-c", `mkdir -p ${voicemailDirectoryOf("/data")} && chown -R ${uid}:${uid} /data`,
  ]);
}
