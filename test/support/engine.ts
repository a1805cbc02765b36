import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { bridgeOf, containerdNamespace, engineFolder, killEngine, removeEngine, unmountUnder } from "../../cli/leftover-engines.ts";
import { runMark } from "../../cli/leftovers.ts";
import { allOnPath } from "../../cli/setup/on-path.ts";
import { dockerClient } from "../../cli/setup/docker-engine.ts";
import { ensureImages, planImages, repositoryRoot, takeInventory, type Image } from "../../pulumi/images.ts";
import { baseImages } from "../../pulumi/image-inputs.ts";
import { run } from "../../pulumi/process.ts";
import { readSettings } from "../../pulumi/settings.ts";
import { chooseSwitch } from "../../pulumi/switch-choice.ts";
import { docker } from "./docker.ts";
import { SmallDisk } from "./small-disk.ts";
import { until } from "./until.ts";

const startMs = 60_000;

/** Why there can't be one here, or nothing when there can: it takes root, to mount and to start a daemon. */
export const noEngine = process.getuid?.() !== 0 ? "not root" : allOnPath("dockerd").length === 0 ? "no dockerd" : allOnPath("ip").length === 0 ? "no ip (iproute2)" : undefined;

export interface EngineOptions {
  /** Megabytes of a file system of its own for images and containers, in memory; without it they lie in its folder. */
  diskMegabytes?: number;
  /** What it gets of the machine's Docker; without them it is empty, as a new host is. */
  images?: readonly string[];
}

/**
 * A Docker engine of the test's own, beside the machine's: another host. It may be stopped, killed and filled up, and nobody else notices.
 * Its containers use the machine's network, as those of a stack do. What a killed run leaves of it the next run's `removeLeftovers` removes.
 */
export class Engine {
  readonly host: string;
  /** Goes away with it; files of a stack on this host may lie here. */
  readonly folder: string;
  readonly #disk: SmallDisk | undefined;

  private constructor(folder: string, disk: SmallDisk | undefined) {
    this.folder = folder;
    this.#disk = disk;
    this.host = `unix://${join(folder, "docker.sock")}`;
  }

  /** @param name tells it from others of the same run; short, since a socket's path has at most 107 characters */
  static async create(name: string, { diskMegabytes, images = [] }: EngineOptions = {}): Promise<Engine> {
    const folder = engineFolder(Number(process.env[runMark] ?? process.pid), name);
    mkdirSync(folder, { mode: 0o700 });
    try {
      const engine = new Engine(folder, diskMegabytes === undefined ? undefined : await SmallDisk.mount(join(folder, "data"), diskMegabytes));
      await engine.start();
      if (images.length > 0) await engine.#load(images);
      return engine;
    } catch (error) {
      await removeEngine(folder);
      throw error;
    }
  }

  /** Where it keeps images and containers, when that is a file system of its own. */
  get disk(): SmallDisk {
    if (!this.#disk) throw new Error("This engine was made without a disk of its own.");
    return this.#disk;
  }

  /** Runs the Docker client on it; returns what it printed. */
  docker(...words: string[]): Promise<string> {
    return docker("--host", this.host, ...words);
  }

  async start(): Promise<void> {
    const path = (name: string) => join(this.folder, name);
    const log = openSync(path("log"), "a");
    const bridge = bridgeOf(this.folder);
    // There already, when it starts again.
    if ((await run("ip", ["link", "add", bridge, "type", "bridge"])).code === 0) await run("ip", ["address", "add", `10.213.${randomInt(1, 255)}.1/24`, "dev", bridge]);
    // Without the mark of the run, which waits for those who bear it to end.
    const child = spawn(allOnPath("dockerd")[0]!, [
      "--data-root", path("data"), "--exec-root", path("exec"), "--pidfile", path("docker.pid"), "--host", this.host, "--bridge", bridge, "--iptables=false", "--ip6tables=false", "--log-level", "warn",
      // A machine's own containerd would be shared.
      "--containerd-namespace", containerdNamespace, "--containerd-plugins-namespace", `${containerdNamespace}-plugins`,
    ], { stdio: ["ignore", log, log], detached: true, env: { ...process.env, [runMark]: undefined, DOCKER_HOST: undefined } });
    closeSync(log);
    let ended = false;
    child.on("exit", () => { ended = true; }).unref();
    await until("the engine", async () => {
      if (ended) throw new Error(`The engine did not start:\n${readFileSync(path("log"), "utf8").split("\n").slice(-8).join("\n")}`);
      return this.docker("version", "--format", "{{.Server.Version}}").catch(() => undefined);
    }, startMs);
  }

  /** As `systemctl stop docker`: it stops every container, each within its own time. */
  async stop(): Promise<void> {
    const pid = Number(readFileSync(join(this.folder, "docker.pid"), "utf8"));
    process.kill(pid, "SIGTERM");
    await until("the engine to end", () => {
      try {
        process.kill(pid, 0);
        return false;
      } catch {
        return true;
      }
    }, 60_000);
  }

  /** As a loss of power: every process ends at once, and what was in memory (mounts, `/run`) is gone. */
  async crash(): Promise<void> {
    await killEngine(this.folder);
    await unmountUnder(join(this.folder, "data", "overlay2"));
    await unmountUnder(join(this.folder, "data", "containers"));
    await unmountUnder(join(this.folder, "exec"));
    for (const name of ["exec", "docker.sock", "docker.pid"]) rmSync(join(this.folder, name), { recursive: true, force: true });
  }

  async remove(): Promise<void> {
    await removeEngine(this.folder);
  }

  async #load(images: readonly string[]): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      spawn("sh", ["-c", 'docker save "$@" | DOCKER_HOST="$ENGINE" docker load --quiet', "sh", ...images], { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, ENGINE: this.host } })
        .on("error", reject).on("exit", (code) => (code === 0 ? resolve() : reject(new Error("The images could not be brought to the engine."))));
    });
  }
}

/** The lab stack's images and what those are built from; the machine's own Docker builds what is not there yet. */
export async function imagesOfLabStack(): Promise<string[]> {
  const images = await plannedOfLabStack();
  const bases = images.flatMap(({ name }) => baseImages(readFileSync(join(repositoryRoot, "images", name, "Dockerfile"), "utf8")));
  return [...new Set([...bases, ...images.map(({ reference }) => reference)])];
}

/** The same without what they are built from, as they were planned. */
export function plannedOfLabStack(): Promise<Image[]> {
  return plannedOf({ switch: { kind: "lab" } });
}

/** The images of a stack that is configured so. */
export async function plannedOf(config: Record<string, unknown>): Promise<Image[]> {
  const client = dockerClient();
  const settings = readSettings(config, process.env, "the engine's stack");
  const inventory = await takeInventory(client);
  const images = Object.values(planImages(settings, chooseSwitch(settings), inventory)).filter((image) => image !== undefined);
  await ensureImages(client, images, settings, inventory, () => {});
  return images;
}
