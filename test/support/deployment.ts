import { spawn, type ChildProcessByStdio } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { removeByLabel, removeLeftovers, runMark } from "../../cli/leftovers.ts";
import { containersOf, type Seen } from "./docker.ts";
import { outsideOfGroup } from "./people-group.ts";
import { freePorts, freeRtpRange } from "./ports.ts";

export const root = join(import.meta.dirname, "../..");
const state = join(root, ".houseline");
const prefix = "test-";

export interface CommandResult { code: number; stdout: string; stderr: string; seconds: number }

/** Starts `./houseline` as a person would, without a terminal. */
function start(args: readonly string[], environment: Record<string, string> = {}, signal?: AbortSignal, directory = root): ChildProcessByStdio<null, Readable, Readable> {
  const [program = "", ...words] = outsideOfGroup([process.execPath, "--disable-warning=ExperimentalWarning", join(directory, "cli/main.ts"), ...args]);
  return spawn(program, words, {
    cwd: directory, env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "pipe"], signal, killSignal: "SIGKILL",
  });
}

/** Runs it to its end. */
export function houseline(args: readonly string[], environment: Record<string, string> = {}, signal?: AbortSignal, directory = root): Promise<CommandResult> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = start(args, environment, signal, directory);
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => { stdout += text; });
    child.stderr.setEncoding("utf8").on("data", (text: string) => { stderr += text; });
    child.on("error", (error) => (error.name === "AbortError" ? undefined : reject(error)));
    child.on("close", (code) => resolve({ code: code ?? -1, stdout, stderr, seconds: (performance.now() - started) / 1_000 }));
  });
}

type Config = Record<string, unknown>;

/** A stack of the tests: a name, ports and directories of its own, deployed by our own command. */
export class Deployment {
  readonly stack = `${prefix}${process.env[runMark] ?? process.pid}-${randomBytes(3).toString("hex")}`;
  readonly ports: Record<string, number>;
  /** Its configuration. */
  readonly file: string;
  #config: Config;

  private constructor(ports: Record<string, number>, config: Config) {
    this.ports = ports;
    this.#config = config;
    this.file = join(state, "test", `${this.stack}.yaml`);
  }

  /** Chooses ports and writes the configuration; nothing is deployed yet. */
  static async prepare(config: Config = {}): Promise<Deployment> {
    await removeLeftovers();
    const base = await freePorts(17);
    const ports = { applicationEdge: base, switchEdge: base + 1, sipWs: base + 2, sip: base + 5, esl: base + 8, app: base + 11, directory: base + 14, rtp: await freeRtpRange() };
    const deployment = new Deployment(ports, { demoPeople: true, drainSeconds: 60, switch: { kind: "lab" }, ...config });
    await deployment.configure({});
    return deployment;
  }

  get page(): string {
    return `http://localhost:${this.ports.applicationEdge}/`;
  }

  /** Changes the configuration for the next `up`. */
  async configure(change: Config): Promise<void> {
    this.#config = { ...this.#config, ...change };
    const entries = Object.entries({ ports: this.ports, ...this.#config }).map(([key, value]) => [`houseline:${key}`, value]);
    await mkdir(join(state, "test"), { recursive: true });
    await writeFile(this.file, JSON.stringify({ config: Object.fromEntries(entries) }));
  }

  run(command: string, ...options: string[]): Promise<CommandResult> {
    return houseline([command, this.stack, "--config", this.file, ...options]);
  }

  /** The same with something in its environment. */
  runWith(environment: Record<string, string>, command: string, ...options: string[]): Promise<CommandResult> {
    return houseline([command, this.stack, "--config", this.file, ...options], environment);
  }

  /** A command about the stack's people or tokens. */
  administer(...words: string[]): Promise<CommandResult> {
    return houseline([...words, "--stack", this.stack, "--config", this.file]);
  }

  /** Deploys; fails with everything that the command said. */
  async up(...options: string[]): Promise<CommandResult> {
    const result = await this.run("up", "--yes", ...options);
    if (result.code !== 0) throw new Error(`up failed:\n${result.stdout}${result.stderr}`);
    return result;
  }

  /** Deploys it with the code of another copy of Houseline; its `dataDirectory` must be configured. */
  async upFrom(directory: string): Promise<CommandResult> {
    await this.moveTo(directory);
    const result = await houseline(["up", this.stack, "--config", this.file, "--yes"], {}, undefined, directory);
    if (result.code !== 0) throw new Error(`up failed:\n${result.stdout}${result.stderr}`);
    await this.moveBack(directory);
    return result;
  }

  /** Gives another copy of Houseline what this one knows of the stack. */
  async moveTo(directory: string): Promise<void> {
    const here = join(state, "stacks", this.stack);
    // After `down` there is nothing to go on from.
    if (existsSync(here)) await cp(here, join(directory, ".houseline", "stacks", this.stack), { recursive: true, force: true });
  }

  /** Takes back what another copy knows of it by now. */
  moveBack(directory: string): Promise<void> {
    return cp(join(directory, ".houseline", "stacks", this.stack), join(state, "stacks", this.stack), { recursive: true, force: true });
  }

  /** As `run`, by another copy of Houseline. */
  runIn(directory: string, command: string, ...options: string[]): Promise<CommandResult> {
    return houseline([command, this.stack, "--config", this.file, ...options], {}, undefined, directory);
  }

  /** The command as a process that somebody watches. */
  start(environment: Record<string, string>, command: string, ...options: string[]): ChildProcessByStdio<null, Readable, Readable> {
    return this.startIn(root, environment, command, ...options);
  }

  /** The same, by another copy of Houseline. */
  startIn(directory: string, environment: Record<string, string>, command: string, ...options: string[]): ChildProcessByStdio<null, Readable, Readable> {
    return start([command, this.stack, "--config", this.file, ...options], environment, undefined, directory);
  }

  runUntil(signal: AbortSignal, command: string, ...options: string[]): Promise<CommandResult> {
    return houseline([command, this.stack, "--config", this.file, ...options], {}, signal);
  }

  containers(): Promise<Seen[]> {
    return containersOf(this.stack);
  }

  async container(role: string): Promise<Seen> {
    const found = (await this.containers()).filter((one) => one.role === role);
    if (found.length !== 1) throw new Error(`There are ${found.length} containers of the role ${role}.`);
    return found[0]!;
  }

  async password(): Promise<string> {
    return (JSON.parse(await readFile(join(state, "stacks", this.stack, "secrets.json"), "utf8")) as { demoPassword: string }).demoPassword;
  }

  /** A figure of the application server's `/metrics`, of whichever slot answers. */
  async metric(name: string): Promise<number | undefined> {
    for (let slot = 0; slot < 3; slot++) {
      const text = await fetch(`http://127.0.0.1:${this.ports.app! + slot}/metrics`).then((response) => response.text()).catch(() => "");
      const value = new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1];
      if (value !== undefined) return Number(value);
    }
    return undefined;
  }

  /**
   * Removes what is on this machine of a stack, by its labels and without asking the engine, as what a killed run left is removed:
   * `./houseline down` has tests of its own.
   */
  remove(): Promise<void> {
    return removeByLabel(this.stack);
  }
}
