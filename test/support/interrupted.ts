import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Copy } from "../bench/copy.ts";
import { callersConfig, peopleCall } from "./callers.ts";
import { Deployment } from "./deployment.ts";
import { docker, nextRelease } from "./docker.ts";
import { mended, statusUntruth } from "./truth.ts";
import { until } from "./until.ts";

/** What every process of one command has in its environment: an id, by which all of them are found. */
export const commandMark = "HOUSELINE_TEST_COMMAND";

/** What became of people and of the stack when the command was killed at a step. */
export interface Interruption {
  /** False when the upgrade came to its end without passing the step. */
  reached: boolean;
  /** Seconds from the kill to the end of a call of two who signed in anew. */
  callSeconds: number;
  /** What `status` told otherwise than it was, or nothing. */
  untruth?: string;
  /** What the next `up` left wrong, or nothing. */
  notMended?: string;
}

/** A lab stack that is upgraded, all services at once, by a command that is watched and can be killed at any step. */
export class Interrupted {
  readonly deployment: Deployment;
  readonly #data: string;
  readonly #made: string[] = [];
  #images: Record<string, string> = {};
  #next = false;

  private constructor(deployment: Deployment, data: string) {
    this.deployment = deployment;
    this.#data = data;
  }

  static async open(): Promise<Interrupted> {
    // Of its own: a copy of Houseline that deploys the same stack is to find it.
    const data = await mkdtemp(join(tmpdir(), "houseline-interrupted-"));
    const one = new Interrupted(await Deployment.prepare({ ...callersConfig, drainSeconds: 60, dataDirectory: data }), data);
    try {
      await one.deployment.up();
      const next = async (role: string) => {
        const tag = `houseline/${role}:${one.deployment.stack}`;
        one.#made.push(await nextRelease((await one.deployment.container(role)).image, tag));
        return tag;
      };
      one.#images = { appServer: await next("app-server"), labSwitch: await next("lab-switch"), edge: await next("app-server-edge") };
      return one;
    } catch (error) {
      await one.end();
      throw error;
    }
  }

  /** An upgrade to its end; returns the steps that it passed, in their order. */
  async steps(): Promise<string[]> {
    await this.#configureNext();
    const { steps, code, output } = await this.#upgrade();
    if (code !== 0) throw new Error(`The upgrade failed:\n${output}`);
    return steps;
  }

  /** An upgrade whose command is killed when it passes a step, and what follows. */
  async killAt(step: string): Promise<Interruption> {
    await this.#configureNext();
    const { reached } = await this.#upgrade(step);
    const began = performance.now();
    await peopleCall(this.deployment, 30_000);
    const callSeconds = (performance.now() - began) / 1_000;
    const untruth = await statusUntruth(this.deployment);
    let notMended: string | undefined;
    try {
      await this.deployment.up();
      await mended(this.deployment);
      await peopleCall(this.deployment);
    } catch (error) {
      notMended = (error as Error).message;
    }
    return { reached, callSeconds, untruth, notMended };
  }

  /** The same for an upgrade that first builds an image, killed in the middle of that; the copy's next command builds it and goes on. */
  async killWhileBuilding(): Promise<Omit<Interruption, "reached">> {
    const copy = await Copy.make();
    try {
      await copy.edit("app/server/main.ts", (text) => `${text}// Another release, which nobody has built: ${randomUUID()}\n`);
      await this.deployment.configure({ images: {} });
      await this.deployment.up();
      await this.deployment.moveTo(copy.directory);
      const id = randomUUID();
      const command = this.deployment.startIn(copy.directory, { [commandMark]: id }, "up", "--yes");
      const ended = new Promise((resolve) => command.on("close", resolve));
      command.stdout.resume();
      command.stderr.resume();
      await until("Docker to build an image", () => processesOf(id).some((pid) => wordsOf(pid).includes("build") && wordsOf(pid).includes("images/app-server/Dockerfile")), 60_000);
      await killAll(id);
      await ended;
      const began = performance.now();
      await peopleCall(this.deployment, 30_000);
      const callSeconds = (performance.now() - began) / 1_000;
      const untruth = await statusUntruth(this.deployment);
      const before = (await this.deployment.container("app-server")).image;
      const next = await this.deployment.runIn(copy.directory, "up", "--yes");
      await this.deployment.moveBack(copy.directory);
      const notMended = next.code === 0 ? await mended(this.deployment).then(() => undefined, (error: Error) => error.message) : next.stdout + next.stderr;
      const { image } = await this.deployment.container("app-server");
      if (image === before) throw new Error("The next up did not deploy what was being built.");
      this.#made.push(image);
      await peopleCall(this.deployment);
      return { callSeconds, untruth, notMended };
    } finally {
      await copy.remove();
    }
  }

  async end(): Promise<void> {
    await this.deployment.remove();
    await rm(this.#data, { recursive: true, force: true });
    for (const image of this.#made) await docker("rmi", "--force", image).catch(() => undefined);
  }

  /** There and back. */
  async #configureNext(): Promise<void> {
    this.#next = !this.#next;
    await this.deployment.configure({ images: this.#next ? this.#images : {} });
  }

  async #upgrade(killAt?: string): Promise<{ steps: string[]; reached: boolean; code: number | null; output: string }> {
    const id = randomUUID();
    const steps: string[] = [];
    let output = "";
    let killing: Promise<void> | undefined;
    const passed = (name: string) => {
      if (!steps.includes(name)) steps.push(name);
      if (name === killAt) killing ??= killAll(id);
    };
    const events = spawn("docker", ["events", "--filter", "type=container", "--filter", `label=houseline.stack=${this.deployment.stack}`, "--format", `{{.Action}} {{index .Actor.Attributes "houseline.role"}}`], { stdio: ["ignore", "pipe", "ignore"] });
    eachLine(events, "stdout", (line) => { if (!/^(exec_|top |rename )/.test(line)) passed(`docker: ${line}`); });
    const command = this.deployment.start({ [commandMark]: id }, "up", "--yes");
    for (const stream of ["stdout", "stderr"] as const) eachLine(command, stream, (line) => {
      output += `${line}\n`;
      if (/^ {2}\S.*: (starting|new release|stopping|old release|left over)|^Deploying/.test(line)) passed(line.trim().replace(/ after .*| with .*/, ""));
    });
    const code = await new Promise<number | null>((resolve) => command.on("close", resolve));
    await killing;
    events.kill();
    return { steps, reached: killing !== undefined, code, output };
  }
}

function eachLine(child: ChildProcess, stream: "stdout" | "stderr", use: (line: string) => void): void {
  createInterface({ input: child[stream]! }).on("line", use);
}

/** Kills every process of a command at once: our own, the engine, its plugins, Docker clients. (proc(5), `environ`) */
export async function killAll(id: string): Promise<void> {
  await until("the command's processes to be gone", () => {
    const pids = processesOf(id);
    for (const pid of pids) {
      try {
        process.kill(Number(pid), "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    return pids.length === 0;
  });
}

/** Processes that a command began, and theirs. */
function processesOf(id: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, "utf8").includes(`${commandMark}=${id}`);
    } catch {
      return false;
    }
  });
}

function wordsOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}
