import { closeSync, copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { baseLockFile, baseLocks, lockedReference } from "../../pulumi/base-locks.ts";
import { docker, runDocker } from "../../pulumi/docker-cli.ts";
import { run } from "../../pulumi/process.ts";
import { Failure } from "../failure.ts";
import { root } from "../paths.ts";
import { step, type Note } from "../terminal.ts";
import { dockerClient } from "./docker-engine.ts";
import { goBuild, ownExecutable } from "./go-toolchain.ts";
import { onPath } from "./on-path.ts";
import { installPackages, lastLines } from "./packages.ts";
import type { Consent, Prerequisite } from "./prerequisite.ts";

/**
 * The images that ours are built from. They are pulled; where no registry can be reached, stand-ins under the same names
 * are made of Debian's packages, the npm registry and Go modules, so that every Dockerfile stays as it is anywhere.
 */
const standIns: Record<string, (consent: Consent) => Promise<void>> = {
  "debian:bookworm-slim": debian,
  "node:24-bookworm-slim": node,
  "caddy:2": caddy,
};

/** The Node release in the stand-in; the published image follows its own. */
const nodeVersion = "24.21.0";
const npmVersion = "11.19.1";
const certificates = "/etc/ssl/certs/ca-certificates.crt";
const source = (name: string) => join(root, "tools", "base-images", name);

export const baseImages: Prerequisite = {
  name: "Base images",
  mend: "./houseline up (pulls them, or makes stand-ins where no registry can be reached)",
  async find() {
    const missing = await missingImages();
    return missing.length === 0 ? Object.keys(standIns).join(", ") : undefined;
  },
  async get(consent) {
    const locks = baseLocks(root);
    for (const image of await missingImages()) {
      const digest = locks.get(image);
      if (digest !== undefined) {
        await getLocked(image, digest);
        continue;
      }
      if (await pulled(image)) continue;
      await standIns[image]!(consent);
    }
  },
};

/** Those that aren't there, or are another than images/bases.lock names. */
async function missingImages(): Promise<string[]> {
  const locks = baseLocks(root);
  const present = await Promise.all(Object.keys(standIns).map(async (image) => {
    const digest = locks.get(image);
    const { code, stdout } = await runDocker(dockerClient(), ["image", "inspect", "--format", "{{json .RepoDigests}}", image]);
    return code === 0 && (digest === undefined || stdout.includes(`@${digest}"`)) ? [] : [image];
  }));
  return present.flat();
}

/** Pulls a locked image by its digest, and gives it the name that Dockerfiles have. */
async function getLocked(image: string, digest: string): Promise<void> {
  const reference = lockedReference(image, digest);
  await step(`Image ${reference}`, async (note) => {
    note("pulling");
    const { code, stderr } = await runDocker(dockerClient(), ["pull", "--quiet", reference], { timeoutSeconds: 900 });
    if (code !== 0) {
      throw new Failure(`${baseLockFile} locks ${image} to ${digest}, which can't be pulled (${stderr.trim().split("\n").at(-1)}). Type './houseline images --update' where its registry can be reached, or write '${image} unlocked' there to build on what is here.`);
    }
    await docker(dockerClient(), ["tag", reference, image]);
  });
}

async function pulled(image: string): Promise<boolean> {
  try {
    await step(`Image ${image}`, async (note) => {
      note("pulling");
      await docker(dockerClient(), ["pull", "--quiet", image], { timeoutSeconds: 900 });
    });
    return true;
  } catch {
    return false;
  }
}

async function debian(consent: Consent): Promise<void> {
  if (!onPath("mmdebstrap")) {
    await installPackages(["mmdebstrap", "ca-certificates"], "debian:bookworm-slim can't be pulled, and mmdebstrap, which makes a stand-in for it, is missing.", consent);
  }
  await step("debian:bookworm-slim from Debian's packages (a stand-in)", () => inFolder(async (folder) => {
    const archive = join(folder, "debian.tar");
    const file = openSync(archive, "w");
    const { code, stderr } = await run("sh", [source("debian.sh")], { outputTo: file, timeoutSeconds: 1_800 });
    closeSync(file);
    if (code !== 0) throw new Failure(`mmdebstrap failed:\n${lastLines(stderr)}`);
    await docker(dockerClient(), ["import", "--change", 'CMD ["bash"]', archive, "debian:bookworm-slim"], { timeoutSeconds: 600 });
  }));
}

async function node(): Promise<void> {
  await step("node:24-bookworm-slim from the npm registry (a stand-in)", (note) => inFolder(async (folder) => {
    const package_ = `node-linux-${process.arch === "arm64" ? "arm64" : "x64"}`;
    note("downloading");
    const { code, stderr } = await run("npm", ["install", "--prefix", folder, "--no-fund", "--no-audit", "--ignore-scripts", `${package_}@${nodeVersion}`, `npm@${npmVersion}`], { directory: folder, timeoutSeconds: 900 });
    if (code !== 0) throw new Failure(`npm could not get ${package_}:\n${lastLines(stderr)}`);
    const context = join(folder, "context");
    mkdirSync(join(context, "bin"), { recursive: true });
    copyFileSync(join(folder, "node_modules", package_, "bin", "node"), join(context, "bin", "node"));
    cpSync(join(folder, "node_modules", "npm"), join(context, "npm"), { recursive: true });
    await build("node:24-bookworm-slim", "node", context, note);
  }));
}

async function caddy(consent: Consent): Promise<void> {
  if (!existsSync(certificates)) await installPackages(["ca-certificates"], "ca-certificates is missing; the stand-in for caddy:2 carries it.", consent);
  const executable = ownExecutable("caddy");
  if (!existsSync(executable)) {
    await goBuild({ module: source("caddy"), package: "github.com/caddyserver/caddy/v2/cmd/caddy", output: executable }, consent, "Caddy 2 from its Go module");
  }
  await step("caddy:2 from its Go module (a stand-in)", (note) => inFolder(async (context) => {
    copyFileSync(executable, join(context, "caddy"));
    copyFileSync(certificates, join(context, "ca-certificates.crt"));
    copyFileSync(join(source("caddy"), "Caddyfile"), join(context, "Caddyfile"));
    await build("caddy:2", "caddy", context, note);
  }));
}

/** The classic builder: it needs no buildx, and these have no secrets. */
async function build(image: string, name: string, context: string, note: Note): Promise<void> {
  note("building");
  copyFileSync(join(source(name), "Dockerfile"), join(context, "Dockerfile"));
  await docker(dockerClient(), ["build", "--quiet", "--network", "host", "--tag", image, context], { environment: { DOCKER_BUILDKIT: "0" }, timeoutSeconds: 900 });
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "houseline-base-"));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
