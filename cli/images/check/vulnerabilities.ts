import { runDocker, type DockerClient } from "../../../pulumi/docker-cli.ts";
import type { Package } from "./sbom.ts";

/** Of the tracker's data, what is used here. (https://security-tracker.debian.org/tracker/data/json) */
type Tracker = Record<string, Record<string, { releases?: Record<string, { status?: string; fixed_version?: string; urgency?: string }> }>>;

const published = "https://security-tracker.debian.org/tracker/data/json";
const codename = "bookworm";
const answerMs = 60_000;
const largest = 400 << 20;

/** What Debian knows of an image's packages: holes that its newer packages mend, and how many there are that none mends yet. */
export interface Vulnerabilities { mended: string[]; open: number }

/** Debian's data, once for all images; a sentence where it can't be had. */
export async function trackerData(): Promise<Tracker | string> {
  const address = process.env.HOUSELINE_SECURITY_TRACKER ?? published;
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(answerMs) });
    if (!response.ok) return `${address} answers HTTP ${response.status}`;
    const length = Number(response.headers.get("content-length") ?? 0);
    if (length > largest) return `${address} sends ${length} bytes, more than this reads`;
    return await response.json() as Tracker;
  } catch (error) {
    const { cause, message } = error as Error & { cause?: { code?: string } };
    return `${address} can't be reached (${cause?.code ?? message})`;
  }
}

/**
 * @param base an image with dpkg, which alone knows which of two versions is the newer (deb-version(7))
 */
export async function vulnerabilities(client: DockerClient, base: string, tracker: Tracker, packages: readonly Package[]): Promise<Vulnerabilities> {
  const sources = new Map(packages.filter(({ kind }) => kind === "deb").map(({ source, sourceVersion }) => [source!, sourceVersion!]));
  const candidates: { hole: string; source: string; version: string; fixed: string }[] = [];
  let open = 0;
  for (const [source, version] of sources) {
    for (const [hole, { releases }] of Object.entries(tracker[source] ?? {})) {
      const here = releases?.[codename];
      if (here?.status === "open" && here.urgency !== "unimportant") open++;
      // "0" is Debian's word for never affected.
      else if (here?.status === "resolved" && here.fixed_version !== undefined && here.fixed_version !== "0") candidates.push({ hole, source, version, fixed: here.fixed_version });
    }
  }
  const older = await olderOnes(client, base, candidates.map(({ version, fixed }) => [version, fixed]));
  return { open, mended: candidates.flatMap(({ hole, source, version, fixed }, index) => (older[index] ? [`${source} ${version} has ${hole}, which ${fixed} mends.`] : [])) };
}

/** Whether each first version is older than the second, asked of dpkg in one container. */
async function olderOnes(client: DockerClient, base: string, pairs: readonly (readonly [string, string])[]): Promise<boolean[]> {
  const safe = pairs.map(([one, other]) => (/^[\w.+:~-]+$/.test(one) && /^[\w.+:~-]+$/.test(other) ? `dpkg --compare-versions '${one}' lt '${other}' && echo y || echo n` : "echo n"));
  const answers: boolean[] = [];
  // A command line has a bound.
  for (let at = 0; at < safe.length; at += 500) {
    const { stdout } = await runDocker(client, ["run", "--rm", "--network", "none", "--entrypoint", "sh", base, "-c", safe.slice(at, at + 500).join("; ")], { timeoutSeconds: 120 });
    answers.push(...stdout.trim().split("\n").map((line) => line === "y"));
  }
  return answers;
}
