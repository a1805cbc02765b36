import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { run } from "../../pulumi/process.ts";
import { Failure } from "../failure.ts";
import { binDirectory, toolsDirectory } from "../paths.ts";
import { step, type Note } from "../terminal.ts";
import { onPath } from "./on-path.ts";
import { installPackages, lastLines } from "./packages.ts";
import type { Consent } from "./prerequisite.ts";

/** The oldest Go that understands the modules under `tools/`. */
const oldest = [1, 26, 4] as const;
/** What is got where there is none: Go's own distribution as the module proxy serves it, with the digest of its archive. */
const version = "1.26.8";
const digests: Record<string, string> = {
  "linux-amd64": "30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7",
  "linux-arm64": "02b36b6787b3ac767668f630e2998df45a3b1f9ffee08d1bf3ef6487cd658d99",
};
const platform = `linux-${process.arch === "arm64" ? "arm64" : "amd64"}`;
const ownFolder = join(toolsDirectory, `go-${version}`);

/** Where Debian keeps what https is trusted by, for Go too. */
const certificates = "/etc/ssl/certs/ca-certificates.crt";

/** A Go that can build the tools; got from the module proxy when this machine has none that is new enough. */
async function goCommand(consent: Consent): Promise<string> {
  if (onPath("apt-get") && !existsSync(certificates)) await installPackages(["ca-certificates"], "ca-certificates is missing; Go gets its modules by https.", consent);
  for (const candidate of [onPath("go"), join(ownFolder, "bin", "go")]) {
    if (candidate !== undefined && existsSync(candidate) && await isNewEnough(candidate)) return candidate;
  }
  if (!onPath("unzip")) await installPackages(["unzip"], "unzip is missing; it unpacks Go.", consent);
  await step(`Go ${version} from the Go module proxy`, download);
  return join(ownFolder, "bin", "go");
}

async function isNewEnough(go: string): Promise<boolean> {
  const { code, stdout } = await run(go, ["version"], { environment: { GOTOOLCHAIN: "local" }, directory: "/" });
  const [, ...parts] = /go(\d+)\.(\d+)(?:\.(\d+))?/.exec(stdout) ?? [];
  if (code !== 0 || parts.length === 0) return false;
  for (const [index, wanted] of oldest.entries()) {
    const have = Number(parts[index] ?? 0);
    if (have !== wanted) return have > wanted;
  }
  return true;
}

async function download(note: Note): Promise<void> {
  const part = `${ownFolder}.part-${process.pid}`;
  const archive = `${part}.zip`;
  mkdirSync(part, { recursive: true });
  try {
    await fetchArchive(archive, note);
    note("unpacking");
    const { code, stderr } = await run("unzip", ["-q", archive, "-d", part]);
    if (code !== 0) throw new Failure(`Go's archive could not be unpacked:\n${lastLines(stderr)}`);
    const unpacked = join(part, "golang.org", `toolchain@v0.0.1-go${version}.${platform}`);
    // Archives of modules carry no modes.
    await run("chmod", ["-R", "u+rwX,a+x", join(unpacked, "bin"), join(unpacked, "pkg", "tool")]);
    rmSync(ownFolder, { recursive: true, force: true });
    renameSync(unpacked, ownFolder);
  } finally {
    rmSync(part, { recursive: true, force: true });
    rmSync(archive, { force: true });
  }
}

async function fetchArchive(target: string, note: Note): Promise<void> {
  const proxies = (process.env.GOPROXY ?? "https://proxy.golang.org").split(/[,|]/).filter((url) => url.startsWith("http"));
  let reason = "GOPROXY names no server";
  for (const proxy of proxies) {
    const url = `${proxy.replace(/\/$/, "")}/golang.org/toolchain/@v/v0.0.1-go${version}.${platform}.zip`;
    try {
      note("downloading");
      const response = await fetch(url, { signal: AbortSignal.timeout(900_000) });
      if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}`);
      await pipeline(Readable.fromWeb(response.body as never), createWriteStream(target));
      const hash = createHash("sha256");
      await pipeline(createReadStream(target), hash);
      if (hash.digest("hex") !== digests[platform]) throw new Error("its digest is not the expected one");
      return;
    } catch (error) {
      reason = (error as Error).message;
    }
  }
  throw new Failure(`Go ${version} could not be had from the Go module proxy (${reason}). Install Go ${oldest.join(".")} or newer and run this again.`);
}

/** What to build from which Go module of ours under `tools/`. */
export interface GoBuild { module: string; package: string; flags?: readonly string[]; output: string }

let lastBuild: Promise<void> = Promise.resolve();

/**
 * Builds an executable under `.houseline/tools/bin`; the module's go.sum decides every source. One after another: each takes
 * every core, and the first may have to get Go for all.
 */
export function goBuild(build: GoBuild, consent: Consent, title: string): Promise<void> {
  const mine = lastBuild.then(() => buildNow(build, consent, title));
  lastBuild = mine.catch(() => {});
  return mine;
}

async function buildNow(build: GoBuild, consent: Consent, title: string): Promise<void> {
  const go = await goCommand(consent);
  mkdirSync(dirname(build.output), { recursive: true });
  const part = `${build.output}.part-${process.pid}`;
  await step(title, async (note) => {
    const { code, stderr } = await run(go, ["build", "-trimpath", "-buildvcs=false", ...(build.flags ?? ["-ldflags", "-s -w"]), "-o", part, build.package], {
      directory: build.module,
      environment: { CGO_ENABLED: "0", GOTOOLCHAIN: "local", GOFLAGS: "-mod=readonly" },
      onLine: (line) => note(line.slice(0, 80)),
      timeoutSeconds: 3_600,
    });
    if (code !== 0) {
      rmSync(part, { force: true });
      throw new Failure(`${title} failed:\n${lastLines(stderr)}`);
    }
    renameSync(part, build.output);
  });
}

export const ownExecutable = (name: string) => join(binDirectory, name);
