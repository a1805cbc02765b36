import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { runDocker, type DockerClient } from "./docker-cli.ts";
import { fullDisk } from "./full-disk.ts";
import type { Image, Progress } from "./images.ts";
import { makeReproducible } from "./reproducible-image.ts";
import { Refusal } from "./refusal.ts";
import type { Settings } from "./settings.ts";

/**
 * Builds one image with the Docker client and BuildKit. (The Docker provider's RemoteImage has no build secrets without
 * buildx, and costs half a second when there is nothing to build.) The build uses the host's network, so that it reaches
 * what the host reaches, a package source on loopback included. The image gets its name when it is finished.
 *
 * @param options.fresh builds every step again, whatever Docker remembers of them
 */
export async function buildImage(client: DockerClient, root: string, image: Image, freeswitch: Settings["freeswitch"], progress: Progress, options: { signal?: AbortSignal; fresh?: boolean } = {}): Promise<void> {
  const { signal } = options;
  const unfinished = `houseline/building:${image.name}-${process.pid}`;
  const builder = await buildClient(client);
  const secret = secretFile(image, freeswitch);
  const last: string[] = [];
  progress(image.name, "building");
  try {
    const { code } = await runDocker(builder, buildArguments(image, unfinished, { secret: secret?.path, fresh: options.fresh }), {
      directory: root,
      environment: { DOCKER_BUILDKIT: "1", BUILDKIT_PROGRESS: "plain" },
      signal,
      onLine: (line) => {
        if (line.trim() === "") return;
        last.push(line);
        if (last.length > 25) last.shift();
        const step = /^#\d+ (\[.*)$/.exec(line)?.[1];
        if (step) progress(image.name, `building ${step.slice(0, 90)}`);
      },
    });
    if (signal?.aborted) throw new Refusal(`Stopped while the image ${image.name} was being built. Nothing was changed.`);
    const full = code === 0 ? undefined : fullDisk(last.join("\n"));
    if (full !== undefined) throw new Refusal(`The image ${image.name} could not be built. ${full} Nothing was changed.`);
    if (code !== 0) throw new Refusal(`The image ${image.name} could not be built. Its last lines:\n${last.map((line) => `  ${line}`).join("\n")}`);
    progress(image.name, "making it reproducible");
    await makeReproducible(client, unfinished, image.reference, image.name, image.bases, image.inputs);
  } finally {
    secret?.remove();
    await runDocker(client, ["rmi", unfinished]);
  }
}

/**
 * Asks which packages an image that is put together from them would take today.
 *
 * @returns lines as its packages.lock has them
 */
export async function resolvePackages(client: DockerClient, root: string, name: "freeswitch" | "turn", freeswitch: Settings["freeswitch"]): Promise<string> {
  const builder = await buildClient(client);
  const buildArgs: Record<string, string> = name !== "freeswitch" || freeswitch.apt === undefined ? {} : { FREESWITCH_APT_SOURCE: freeswitch.apt };
  const image = { name, buildArgs };
  const secret = secretFile(image, freeswitch);
  const folder = mkdtempSync(join(tmpdir(), "houseline-packages-"));
  try {
    const words = buildArguments(image, "houseline/building:packages", { secret: secret?.path, fresh: true });
    const { code, stderr } = await runDocker(builder, [...words.slice(0, -1), "--target", "packages", "--output", `type=local,dest=${folder}`, "."], {
      directory: root, environment: { DOCKER_BUILDKIT: "1", BUILDKIT_PROGRESS: "plain" }, timeoutSeconds: 900,
    });
    if (code !== 0) throw new Refusal(`The sources of packages could not be asked:\n${stderr.trim().split("\n").slice(-12).map((line) => `  ${line}`).join("\n")}\nNothing was changed.`);
    return readFileSync(join(folder, "packages"), "utf8");
  } finally {
    secret?.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The words of the build: a function of the image alone, so that a test can read them. */
export function buildArguments(image: Pick<Image, "name" | "buildArgs">, tag: string, { secret, fresh = false }: { secret?: string; fresh?: boolean } = {}): string[] {
  return [
    "build", "--network", "host", "--file", `images/${image.name}/Dockerfile`, "--tag", tag, ...(fresh ? ["--no-cache"] : []),
    // Without a value: taken from the environment.
    ...["http_proxy", "https_proxy", "no_proxy"].filter((name) => process.env[name]).flatMap((name) => ["--build-arg", name]),
    ...Object.entries(image.buildArgs).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]),
    ...(secret === undefined ? [] : ["--secret", `id=apt-auth,src=${secret}`]),
    ...hostSecrets(),
    ".",
  ];
}

/**
 * What this host trusts and which npm registry it uses, for the steps that download: a company has its own authority and
 * mirror. As build secrets they are in no layer and change no tag.
 */
export function hostSecrets(): string[] {
  const files = { "certificates": process.env.NODE_EXTRA_CA_CERTS ?? "/etc/ssl/certs/ca-certificates.crt", "npmrc": join(homedir(), ".npmrc") };
  return Object.entries(files).filter(([, path]) => existsSync(path)).flatMap(([id, path]) => ["--secret", `id=${id},src=${path}`]);
}

/** Credentials for the package source, in a file that only this user reads and that goes away with the build. */
function secretFile(image: Pick<Image, "name">, freeswitch: Settings["freeswitch"]): { path: string; remove: () => void } | undefined {
  if (image.name !== "freeswitch") return undefined;
  const content = freeswitch.aptCredentials
    ?? (freeswitch.token === undefined ? undefined : `machine freeswitch.signalwire.com login signalwire password ${freeswitch.token}`);
  if (content === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "houseline-"));
  chmodSync(folder, 0o700);
  const path = join(folder, "auth.conf");
  writeFileSync(path, `${content}\n`, { mode: 0o600 });
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/**
 * A client that can build with BuildKit: one older than 23 has it built in, a newer one needs the buildx plugin. The
 * first `docker` on PATH may be a newer one without it while another, further on, can.
 */
async function buildClient(client: DockerClient): Promise<DockerClient> {
  const others = (process.env.PATH ?? "").split(delimiter).filter(Boolean).map((folder) => join(folder, "docker"));
  for (const path of new Set([client.path, ...others, "/usr/bin/docker"])) {
    const candidate = { ...client, path };
    const version = await runDocker(candidate, ["version", "--format", "{{.Client.Version}}"]).catch(() => undefined);
    if (!version || version.code !== 0) continue;
    if (Number.parseInt(version.stdout, 10) < 23) return candidate;
    if ((await runDocker(candidate, ["buildx", "version"])).code === 0) return candidate;
  }
  throw new Refusal("No Docker client here can build with BuildKit: install the buildx plugin ('apt-get install docker-buildx', or Docker's own docker-buildx-plugin) and run this again.");
}
