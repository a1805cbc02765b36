import { spawn, type ChildProcessByStdio } from "node:child_process";
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { environmentOf, type DockerClient } from "../../pulumi/docker-cli.ts";
import type { Ready, Seen, Task } from "./responder.ts";

/** A responder that runs on a host. */
export interface Responder {
  readonly ready: Ready;
  /** Tells it to end; what came to it. */
  end(): Promise<Seen>;
  /** When it has ended, by itself or told to. */
  readonly ended: Promise<void>;
}

/**
 * Starts a responder within a container that has Node and the host's network: nothing is installed there, and nothing is left.
 *
 * @param container id of it
 * @throws Error with what Docker or the responder said when it doesn't start
 */
export function respondIn(client: DockerClient, container: string, task: Task): Promise<Responder> {
  return started(spawn(client.path, ["exec", "--interactive", container, "node", ...program()], { env: { ...process.env, ...environmentOf(client) }, stdio: ["pipe", "pipe", "pipe"] }), task);
}

/** The same on this machine. */
export function respondHere(task: Task): Promise<Responder> {
  return started(spawn(process.execPath, program(), { stdio: ["pipe", "pipe", "pipe"] }), task);
}

/** Its two files as one module that any Node takes: on its command line, since the container's files can't be written. */
function program(): string[] {
  const source = (name: string) => stripTypeScriptTypes(readFileSync(join(import.meta.dirname, name), "utf8"));
  const stun = `data:text/javascript;base64,${Buffer.from(source("stun.ts")).toString("base64")}`;
  return ["--input-type=module", "--eval", source("responder.ts").replace('"./stun.ts"', JSON.stringify(stun))];
}

async function started(child: ChildProcessByStdio<Writable, Readable, Readable>, task: Task): Promise<Responder> {
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => { said = (said + text).slice(-2_000); });
  child.stdin.on("error", () => undefined);
  const lines = createInterface({ input: child.stdout });
  const next = () => new Promise<string>((resolve, reject) => {
    lines.once("line", resolve);
    const failed = (why: string) => reject(new Error(said.trim().split("\n").at(-1) || why));
    child.once("error", (error) => failed(error.message)).once("close", () => failed("it ended without a word"));
  });
  // Its own deadline, and some time for the way to the host.
  const timer = setTimeout(() => child.kill("SIGKILL"), (task.seconds + 2) * 1_000);
  const ended = new Promise<void>((resolve) => child.once("close", () => {
    clearTimeout(timer);
    resolve();
  }));
  // By its standard input: what is on a command line every process could see.
  child.stdin.write(`${JSON.stringify(task)}\n`);
  const ready = JSON.parse(await next()) as Ready;
  return {
    ready,
    ended,
    async end() {
      const last = next();
      child.stdin.end();
      return JSON.parse(await last) as Seen;
    },
  };
}
