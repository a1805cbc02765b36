import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, readlink, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { until } from "./browser.ts";
import { TestDirectory, type Person, type Room } from "./directory.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
/** Debian's client: another one that comes first on PATH may lack BuildKit. */
const docker = process.env.HOUSELINE_DOCKER ?? (existsSync("/usr/bin/docker") ? "/usr/bin/docker" : "docker");

export const aptSource = process.env.HOUSELINE_FREESWITCH_APT ?? "";
export const skipReason = aptSource ? "" : "set HOUSELINE_FREESWITCH_APT to a line of an apt source with FreeSWITCH's packages";
export const domain = "houseline.test";
/** Copies of the repository on one machine don't take each other's images and containers away. */
const checkout = createHash("md5").update(root).digest("hex").slice(0, 6);
export const images = { freeswitch: `houseline-freeswitch-test-${checkout}`, sound: `houseline-freeswitch-sound-test-${checkout}` };
/** With the certificate, which takes seconds to make: it stays, as the images do. */
const keptState = `houseline-freeswitch-test-state-${checkout}`;
/** What must appear nowhere in the image. */
export const secretMark = "Zx7secret-of-the-apt-source";

export const label = `houseline.stack=freeswitch-test-${checkout}`;
export const secrets = { "esl-password": "esl-7d1f0c4b9a", "directory-password": "directory-5e2a8c61b0", "mesh-password": "mesh-93b7e1d20f" };

export async function dockerRun(...words: string[]): Promise<string> {
  const { stdout, stderr } = await run(docker, words, { maxBuffer: 64 << 20, env: { ...process.env, DOCKER_BUILDKIT: "1" } });
  return words[0] === "logs" ? stdout + stderr : stdout.trim();
}

/** Removes what this suite made, also what a killed run of it left. */
export async function removeLeftovers(): Promise<void> {
  const containers = (await dockerRun("ps", "-aq", "--filter", `label=${label}`)).split("\n").filter(Boolean);
  if (containers.length > 0) await dockerRun("rm", "-f", "-v", ...containers);
  const volumes = (await dockerRun("volume", "ls", "-q", "--filter", `label=${label}`)).split("\n").filter(Boolean);
  if (volumes.length > 0) await dockerRun("volume", "rm", "-f", ...volumes);
}

export async function buildImages(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "houseline-auth-"));
  try {
    const auth = join(directory, "auth.conf");
    await writeFile(auth, `machine apt.example.org login signalwire password ${secretMark}\n`, { mode: 0o600 });
    await dockerRun("build", "-q", "--network", "host", "-t", images.freeswitch, "-f", join(root, "images/freeswitch/Dockerfile"),
      "--secret", `id=apt-auth,src=${auth}`, "--build-arg", `FREESWITCH_APT_SOURCE=${aptSource}`, root);
    await dockerRun("build", "-q", "--network", "host", "-t", images.sound, "-f", join(root, "images/freeswitch-sound/Dockerfile"),
      "--build-arg", "SOUND_PACK=synthetic", root);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Bytes of `docker save`, and whether a text is anywhere in them. */
export async function savedImage(image: string, mark: string): Promise<{ found: boolean; compressed: number }> {
  const save = spawn(docker, ["save", image]);
  const gzip = spawn("gzip", ["-6"]);
  let found = false;
  let tail = "";
  let compressed = 0;
  save.stdout.on("data", (chunk: Buffer) => {
    const text = tail + chunk.toString("latin1");
    found ||= text.includes(mark);
    tail = text.slice(-mark.length);
  });
  save.stdout.pipe(gzip.stdin);
  gzip.stdout.on("data", (chunk: Buffer) => { compressed += chunk.length; });
  await new Promise<void>((resolve, reject) => gzip.on("error", reject).on("close", () => resolve()));
  return { found, compressed };
}

/** The first of `count` ports in a row that nobody listens on. */
async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const base = 20_000 + Math.floor(Math.random() * 4_000) * 3;
    const servers = await Promise.all(Array.from({ length: count }, (_, i) => new Promise<ReturnType<typeof createServer> | undefined>((resolve) => {
      const server = createServer();
      server.once("error", () => resolve(undefined)).listen(base + i, "127.0.0.1", () => resolve(server));
    })));
    await Promise.all(servers.map((server) => server && new Promise((resolve) => server.close(resolve))));
    if (servers.every(Boolean)) return base;
  }
  throw new Error("No three free ports in a row.");
}

/** Machines that a test has: one, or two by their loopback addresses 127.0.0.1 and 127.0.0.2. */
export type Host = 1 | 2;

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
    const name = `houseline-freeswitch-test-${process.pid}`;
    const directory = new TestDirectory(domain, secrets["directory-password"], people, rooms);
    const secretsDirectory = await mkdtemp(join(tmpdir(), "houseline-secrets-"));
    await chmod(secretsDirectory, 0o755);
    for (const [file, value] of Object.entries(secrets)) await writeFile(join(secretsDirectory, file), value);
    for (const volume of ["slots-1", "slots-2", "voicemail"]) await dockerRun("volume", "create", "--label", label, `${name}-${volume}`);
    await dockerRun("create", "--name", `${name}-sound`, "--label", label, images.sound);
    const bases = { ws: await freePorts(6), sip: await freePorts(3), esl: await freePorts(3), rtp: 40_000 };
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

  url(slot: number, host: Host = 1): string {
    return `ws://127.0.0.1:${this.ports(slot, host).ws}/`;
  }

  ports(slot: number, host: Host = 1): { ws: number; sip: number; esl: number } {
    return { ws: this.#bases.ws + (host - 1) * 3 + slot, sip: this.#bases.sip + slot, esl: this.#bases.esl + slot };
  }

  /**
   * Starts a switch as the stack does: non-root, read-only, without capabilities.
   *
   * @param host 2 stands for another machine: a private address and slots of its own
   */
  async start(settings: Record<string, string> = {}, host: Host = 1): Promise<Switch> {
    const name = `${this.#name}-${this.#count++}`;
    const environment = {
      HOUSELINE_WS_PORT: this.ports(0, host).ws, HOUSELINE_SIP_PORT: this.#bases.sip, HOUSELINE_ESL_PORT: this.#bases.esl,
      HOUSELINE_RTP_PORT: host === 1 ? this.#bases.rtp : this.#bases.rtp - 16_380, HOUSELINE_PRIVATE_IP: `127.0.0.${host}`, HOUSELINE_PUBLIC_IP: "127.0.0.1", HOUSELINE_DOMAIN: domain,
      // The second address answers nothing, as the slot of an application server that is not there.
      HOUSELINE_DIRECTORY_URLS: `http://127.0.0.1:9/directory ${this.#directoryUrl}`, HOUSELINE_DRAIN_SECONDS: "60", ...settings,
    };
    await dockerRun("run", "-d", "--name", name, "--label", label, "--network", "host", "--init", "--read-only", "--cap-drop", "ALL",
      "--security-opt", "no-new-privileges", "--stop-timeout", "90", "--tmpfs", "/run/houseline:uid=10001,gid=10001,mode=0755", "--tmpfs", "/tmp",
      "-v", `${this.#name}-slots-${host}:/slots`, "-v", `${keptState}:/var/lib/houseline/switch`,
      "-v", `${this.#name}-voicemail:/var/lib/houseline/voicemail`, "-v", `${this.#secrets}:/run/secrets:ro`,
      "--volumes-from", `${this.soundContainer}:ro`, ...Object.entries(environment).flatMap(([key, value]) => ["-e", `${key}=${value}`]), images.freeswitch);
    return new Switch(name);
  }

  async close(): Promise<void> {
    await this.directory.close();
    await removeLeftovers();
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
    await dockerRun("rm", "-f", this.name);
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
