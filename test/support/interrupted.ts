import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { callersConfig, peopleCall } from "./callers.ts";
import { Deployment } from "./deployment.ts";
import { docker, nextRelease } from "./docker.ts";
import { mended, statusUntruth } from "./truth.ts";
import { until } from "./until.ts";

/** What every process of one command has in its environment. */
const mark = "HOUSELINE_TEST_COMMAND";

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
  readonly #made: string[] = [];
  #images: Record<string, string> = {};
  #next = false;

  private constructor(deployment: Deployment) {
    this.deployment = deployment;
  }

  static async open(): Promise<Interrupted> {
    const one = new Interrupted(await Deployment.prepare({ ...callersConfig, drainSeconds: 60 }));
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

  async end(): Promise<void> {
    await this.deployment.remove();
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
    const command = this.deployment.start({ [mark]: id }, "up", "--yes");
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
async function killAll(id: string): Promise<void> {
  const alive = () => readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, "utf8").includes(`${mark}=${id}`);
    } catch {
      return false;
    }
  });
  await until("the command's processes to be gone", () => {
    const pids = alive();
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
