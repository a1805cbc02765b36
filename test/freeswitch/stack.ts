import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, readlink, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { removeByLabel, removeLeftovers, runMark } from "../../cli/leftovers.ts";
import { stateDirectory } from "../../cli/paths.ts";
import { freePorts, freeRtpRange } from "../support/ports.ts";
import { until } from "./browser.ts";
import { startAgain, type Deployed } from "./deployed.ts";
import { TestDirectory, type Person, type Room } from "./directory.ts";

export { removeLeftovers };

const run = promisify(execFile);
/** Debian's client: another one that comes first on PATH may lack BuildKit. */
const docker = process.env.HOUSELINE_DOCKER ?? (existsSync("/usr/bin/docker") ? "/usr/bin/docker" : "docker");

export const aptSource = process.env.HOUSELINE_FREESWITCH_APT ?? "";
export const skipReason = aptSource ? "" : "set HOUSELINE_FREESWITCH_APT to a line of an apt source with FreeSWITCH's packages";
export const domain = "houseline.test";
let deployed: Deployed;
/** By reference, as they were deployed. */
export const images = { freeswitch: "", sound: "" };
/** With the certificate, which takes seconds to make: kept from run to run, as set-up's tools are. */
const keptState = join(stateDirectory, "test", "switch-state");

export const secrets = { "esl-password": "esl-7d1f0c4b9a", "directory-password": "directory-5e2a8c61b0", "mesh-password": "mesh-93b7e1d20f" };

export async function dockerRun(...words: string[]): Promise<string> {
  const { stdout, stderr } = await run(docker, words, { maxBuffer: 64 << 20, env: { ...process.env, DOCKER_BUILDKIT: "1" } });
  return words[0] === "logs" ? stdout + stderr : stdout.trim();
}

/** What each switch of these tests is made from. */
export function useDeployed(containers: Deployed): void {
  deployed = containers;
  Object.assign(images, { freeswitch: containers.freeswitch.Config.Image, sound: containers.sound.Config.Image });
}

/** Machines that a test has: one, or two by their loopback addresses 127.0.0.1 and 127.0.0.2. */
export type Host = 1 | 2;

/** Named after this run: what a killed one leaves is removed by the next, whatever checkout that is of. */
export const ownName = () => `test-${process.env[runMark] ?? process.pid}-fs${randomBytes(3).toString("hex")}`;

/** What every switch of one test file shares: ports, slots, the kept certificate, secrets, sounds and the directory. */
export class Stack {
  readonly directory: TestDirectory;
  readonly #bases: { ws: number; sip: number; esl: number; rtp: number };
  readonly #secrets: string;
  readonly #name: string;
  readonly #directoryUrl: string;
  #count = 0;

  private constructor(name: string, directory: TestDirectory, directoryUrl: string, bases: { ws: number; sip: number; esl: number; rtp: number }, secretsDirectory: string) {
    this.#name = name;
    this.directory = directory;
    this.#directoryUrl = directoryUrl;
    this.#bases = bases;
    this.#secrets = secretsDirectory;
  }

  static async create(people: Person[], rooms: Room[] = []): Promise<Stack> {
    const name = ownName();
    const label = `houseline.stack=${name}`;
    const directory = new TestDirectory(domain, secrets["directory-password"], people, rooms);
    await mkdir(keptState, { recursive: true });
    await chmod(keptState, 0o777);
    const secretsDirectory = await mkdtemp(join(tmpdir(), "houseline-secrets-"));
    await chmod(secretsDirectory, 0o755);
    for (const [file, value] of Object.entries(secrets)) await writeFile(join(secretsDirectory, file), value);
    for (const volume of ["slots-1", "slots-2", "voicemail"]) await dockerRun("volume", "create", "--label", label, `${name}-${volume}`);
    await dockerRun("create", "--name", `${name}-sound`, "--label", label, images.sound);
    const bases = { ws: await freePorts(6), sip: await freePorts(3), esl: await freePorts(3), rtp: await freeRtpRange() };
    return new Stack(name, directory, await directory.listen(), bases, secretsDirectory);
  }

  /** Copies the prompts and the music to this machine; returns where they are. */
  async sounds(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "houseline-sounds-"));
    await dockerRun("cp", `${this.soundContainer}:/usr/share/freeswitch/sounds/.`, folder);
    return folder;
  }

  get soundContainer(): string {
    return `${this.#name}-sound`;
  }

  get eslPassword(): string {
    return secrets["esl-password"];
  }

  url(slot: number, host: Host = 1): string {
    return `ws://127.0.0.1:${this.ports(slot, host).ws}/`;
  }

  /** `rtp` is the first of the slot's 5,460. */
  ports(slot: number, host: Host = 1): { ws: number; sip: number; esl: number; rtp: number } {
    const rtp = host === 1 ? this.#bases.rtp : this.#bases.rtp - 16_380;
    return { ws: this.#bases.ws + (host - 1) * 3 + slot, sip: this.#bases.sip + slot, esl: this.#bases.esl + slot, rtp: rtp + slot * 5_460 };
  }

  /**
   * Starts a switch as it was deployed, with what is this stack's own.
   *
   * @param host 2 stands for another machine: a private address and slots of its own
   */
  async start(settings: Record<string, string> = {}, host: Host = 1): Promise<Switch> {
    const name = `${this.#name}-${this.#count++}`;
    const environment = {
      HOUSELINE_WS_PORT: this.ports(0, host).ws, HOUSELINE_SIP_PORT: this.#bases.sip, HOUSELINE_ESL_PORT: this.#bases.esl,
      HOUSELINE_RTP_PORT: this.ports(0, host).rtp, HOUSELINE_PRIVATE_IP: `127.0.0.${host}`, HOUSELINE_PUBLIC_IP: "127.0.0.1", HOUSELINE_DOMAIN: domain,
      // The second address answers nothing, as the slot of an application server that is not there.
      HOUSELINE_DIRECTORY_URLS: `http://127.0.0.1:9/directory ${this.#directoryUrl}`, HOUSELINE_DRAIN_SECONDS: "60", HOUSELINE_PEERS: "", ...settings,
    };
    await startAgain(deployed.freeswitch, {
      name, stack: this.#name, environment,
      binds: [`${this.#name}-slots-${host}:/slots`, `${keptState}:/var/lib/houseline/switch`, `${this.#name}-voicemail:/var/lib/houseline/voicemail`, `${this.#secrets}:/run/secrets:ro`],
      volumesFrom: [`${this.soundContainer}:ro`],
    });
    return new Switch(name);
  }

  /** Starts the edge before the switches of host 1; returns the URL of slot 0 there. */
  async edge(): Promise<string> {
    const port = await freePorts(1);
    const name = `${this.#name}-edge`;
    const environment = { HOUSELINE_EDGE: "switch", HOUSELINE_SITE: `http://127.0.0.1:${port}`, HOUSELINE_BIND: "127.0.0.1", HOUSELINE_UPSTREAMS: this.ports(0).ws };
    await startAgain(deployed.edge, { name, stack: this.#name, environment });
    await new Switch(name).healthy();
    return `ws://127.0.0.1:${port}/sip/0`;
  }

  async close(): Promise<void> {
    await this.directory.close();
    await removeByLabel(this.#name);
    await rm(this.#secrets, { recursive: true, force: true });
  }
}

/** One container of FreeSWITCH. */
export class Switch {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  async inspect(template: string): Promise<string> {
    return dockerRun("inspect", "--format", template, this.name);
  }

  async healthy(milliseconds = 30_000): Promise<void> {
    await until(`${this.name} healthy`, async () => await this.inspect("{{.State.Health.Status}}") === "healthy", milliseconds)
      .catch(async (error: unknown) => { throw new Error(`${String(error)}\n${(await this.logs()).slice(-3_000)}`); });
  }

  async slot(): Promise<number> {
    return Number(await dockerRun("exec", this.name, "cat", "/run/houseline/slot"));
  }

  async command(line: string): Promise<string> {
    return dockerRun("exec", this.name, "fs_cli", "-x", line);
  }

  async logs(): Promise<string> {
    return dockerRun("logs", this.name);
  }

  /** SIGTERM, as `docker stop` sends it, without waiting. */
  async terminate(): Promise<void> {
    await dockerRun("kill", "--signal", "TERM", this.name);
  }

  /** Milliseconds until the container has ended, and its exit code. */
  async ended(limit: number): Promise<{ milliseconds: number; code: number }> {
    const begun = Date.now();
    await until(`${this.name} ended`, async () => await this.inspect("{{.State.Running}}") === "false", limit);
    return { milliseconds: Date.now() - begun, code: Number(await this.inspect("{{.State.ExitCode}}")) };
  }

  async remove(): Promise<void> {
    await dockerRun("rm", "--force", "--volumes", this.name);
  }

  /** Of FreeSWITCH, on this machine. */
  async processId(): Promise<string> {
    const rows = (await dockerRun("top", this.name, "-eo", "pid,comm")).split("\n");
    return rows.find((row) => /\bfreeswitch\b/.test(row))?.trim().split(/\s+/)[0] ?? "";
  }

  /** Resident bytes of FreeSWITCH. */
  async memory(): Promise<number> {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${await this.processId()}/status`, "utf8"))?.[1]) * 1_024;
  }

  /** Every socket that FreeSWITCH listens on, as `tcp 127.0.0.1:5066`. Needs root on this machine. */
  async listening(): Promise<string[]> {
    const pid = await this.processId();
    const sockets = new Set<string>();
    for (const fd of await readdir(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(await readlink(`/proc/${pid}/fd/${fd}`).catch(() => ""))?.[1];
      if (inode) sockets.add(inode);
    }
    const found: string[] = [];
    for (const protocol of ["tcp", "tcp6", "udp", "udp6"]) {
      for (const line of (await readFile(`/proc/${pid}/net/${protocol}`, "utf8")).split("\n").slice(1)) {
        const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
        if (!sockets.has(inode) || (protocol.startsWith("tcp") && state !== "0A")) continue;
        const [address = "", port = ""] = local.split(":");
        const dotted = address.length === 8 ? (address.match(/../g) ?? []).reverse().map((byte) => parseInt(byte, 16)).join(".") : address;
        found.push(`${protocol} ${dotted}:${parseInt(port, 16)}`);
      }
    }
    return found.sort();
  }
}
