import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { docker } from "../support/docker.ts";

const run = promisify(execFile);

/** What `docker inspect` tells of a container, as far as a compose file can say it. */
interface Inspected {
  Name: string;
  Config: { Image: string; Env: string[]; User: string };
  HostConfig: { NetworkMode: string; ReadonlyRootfs: boolean; CapDrop: string[] | null; SecurityOpt: string[] | null; Init?: boolean | null; Memory: number; Tmpfs?: Record<string, string>; Binds: string[] | null; VolumesFrom: string[] | null };
}

interface Content { services: Record<string, { image: string }>; volumes: object }

/** A stack's running containers, for Docker Compose: the peer. Its data containers and volumes are taken as they stand there. */
export class Compose {
  readonly #project: string;
  readonly #file: string;
  readonly #command: readonly string[];
  readonly #content: Content;

  private constructor(project: string, file: string, command: readonly string[], content: Content) {
    this.#project = project;
    this.#file = file;
    this.#command = command;
    this.#content = content;
  }

  /** @param command how Docker Compose is called here, e.g. `["docker", "compose"]` */
  static async of(stack: string, directory: string, command: readonly string[]): Promise<Compose> {
    const ids = (await docker("ps", "-q", "--filter", `label=houseline.stack=${stack}`)).split("\n").filter(Boolean);
    const containers = JSON.parse(await docker("inspect", ...ids)) as Inspected[];
    const services = Object.fromEntries(containers.map((one) => [one.Name.slice(1), service(one, stack)]));
    const file = join(directory, `${stack}.compose.json`);
    const named = [...new Set(containers.flatMap(({ HostConfig }) => (HostConfig.Binds ?? []).map((bind) => bind.split(":")[0]!).filter((source) => !source.startsWith("/"))))];
    const compose = new Compose(`${stack}-compose`, file, command, { services, volumes: Object.fromEntries(named.map((name) => [name, { external: true }])) });
    await compose.#write();
    return compose;
  }

  /** Another image for the services that have this one. */
  async replace(image: string, by: string): Promise<void> {
    for (const one of Object.values(this.#content.services)) if (one.image === image) one.image = by;
    await this.#write();
  }

  async up(): Promise<void> {
    await this.#run("up", "--detach", "--wait");
  }

  async down(): Promise<void> {
    await this.#run("down", "--timeout", "2");
  }

  async remove(): Promise<void> {
    await this.down().catch(() => undefined);
    await rm(this.#file, { force: true });
  }

  #write(): Promise<void> {
    return writeFile(this.#file, JSON.stringify(this.#content));
  }

  async #run(...words: string[]): Promise<void> {
    const [program = "", ...before] = this.#command;
    await run(program, [...before, "--project-name", this.#project, "--file", this.#file, ...words], { maxBuffer: 16 << 20 });
  }
}

function service({ Config, HostConfig }: Inspected, stack: string) {
  return {
    image: Config.Image, user: Config.User || undefined, environment: Config.Env, network_mode: HostConfig.NetworkMode,
    read_only: HostConfig.ReadonlyRootfs, cap_drop: HostConfig.CapDrop ?? [], security_opt: HostConfig.SecurityOpt ?? [], init: HostConfig.Init ?? false,
    mem_limit: HostConfig.Memory, tmpfs: Object.entries(HostConfig.Tmpfs ?? {}).map(([path, options]) => `${path}:${options}`),
    volumes: HostConfig.Binds ?? [], volumes_from: (HostConfig.VolumesFrom ?? []).map((from) => `container:${from}`), labels: { "houseline.stack": stack },
  };
}
