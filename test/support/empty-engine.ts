import { spawn, execFile, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { until } from "./until.ts";

const run = promisify(execFile);

/** A Docker Engine of its own, empty: another host, as far as images go. Its containers share this machine's network. */
export class TestEngine {
  readonly folder: string;
  readonly #child: ChildProcess;
  readonly #bridge: string;

  private constructor(folder: string, child: ChildProcess, bridge: string) {
    this.folder = folder;
    this.#child = child;
    this.#bridge = bridge;
  }

  static async start(): Promise<TestEngine> {
    // A socket's path has at most 107 characters.
    const folder = await mkdtemp("/tmp/hl-engine-");
    const at = (name: string) => join(folder, name);
    // A bridge of its own: a daemon that is told to have none removes the one of the daemon beside it.
    const bridge = `hl${folder.slice(-6).toLowerCase()}`;
    await run("ip", ["link", "add", bridge, "type", "bridge"]);
    await run("ip", ["address", "add", `10.213.${randomInt(1, 255)}.1/24`, "dev", bridge]);
    const child = spawn("dockerd", [
      "--host", `unix://${at("docker.sock")}`, "--data-root", at("data"), "--exec-root", at("exec"), "--pidfile", at("pid"),
      "--bridge", bridge, "--iptables=false", "--ip6tables=false", "--log-level", "error",
    ], { stdio: "ignore" });
    const engine = new TestEngine(folder, child, bridge);
    try {
      await until("the second Docker Engine", () => engine.docker("version").then(() => true, () => false), 60_000);
    } catch (error) {
      await engine.stop();
      throw error;
    }
    return engine;
  }

  get host(): string {
    return `unix://${join(this.folder, "docker.sock")}`;
  }

  async docker(...words: string[]): Promise<string> {
    const { stdout } = await run(existsSync("/usr/bin/docker") ? "/usr/bin/docker" : "docker", words, { env: { ...process.env, DOCKER_HOST: this.host }, maxBuffer: 64 << 20 });
    return stdout.trim();
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => (this.#child.exitCode === null ? this.#child.once("exit", resolve) : resolve(undefined)));
    this.#child.kill("SIGTERM");
    await ended;
    await run("ip", ["link", "delete", this.#bridge]).catch(() => undefined);
    // What it leaves mounted under its folder can't be removed.
    const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n").map((line) => line.split(" ")[1] ?? "").filter((path) => path.startsWith(`${this.folder}/`)).reverse();
    for (const path of mounts) await run("umount", ["--lazy", path]).catch(() => undefined);
    await rm(this.folder, { recursive: true, force: true });
  }
}
