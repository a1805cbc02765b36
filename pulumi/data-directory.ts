import { join } from "node:path";
import { uid } from "./containers.ts";
import { docker } from "./docker-cli.ts";
import { quoted, runThere, type StackHost } from "./stack-hosts.ts";

/** Where the switch keeps voicemail, in the data directory: on one host the application server finds the messages beside its own data. */
export function voicemailDirectoryOf(dataDirectory: string): string {
  return join(dataDirectory, "voicemail");
}

/**
 * Gives a directory of the host, and that of voicemail in it, to the user of the containers. Docker would create a missing
 * one as root's, and this program need not run as root: a one-shot container does it, which has root's rights in that
 * directory alone.
 *
 * @param image any that has a shell
 */
export async function ownDataDirectory(host: StackHost, path: string, stack: string, image: string): Promise<void> {
  const { stdout } = await runThere(host, `mkdir -p ${quoted(path)} 2> /dev/null; stat -c %u ${quoted(path)} ${quoted(voicemailDirectoryOf(path))} 2> /dev/null`);
  if (stdout.trim().split("\n").filter((owner) => owner === String(uid)).length === 2) return;
  await docker(host.client, [
    "run", "--rm", "--user", "0:0", "--network", "none", "--label", `houseline.stack=${stack}`, "--label", "houseline.role=data-owner",
    "--volume", `${path}:/data`, "--entrypoint", "sh", image, "-c", `mkdir -p ${voicemailDirectoryOf("/data")} && chown -R ${uid}:${uid} /data`,
  ]);
}
