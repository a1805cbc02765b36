import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { uid } from "../pulumi/containers.ts";
import { environmentOf } from "../pulumi/docker-cli.ts";
import type { StackHost } from "../pulumi/stack-hosts.ts";
import { Failure } from "./failure.ts";
import { root } from "./paths.ts";

/** A host with data, the directory with it, and an image there that has Node. */
export interface DataPlace { host: StackHost; image: string; directory: string }

/** What a program reads and writes; by itself it reads nothing and its output is returned. */
export interface ProgramStreams {
  /** A descriptor that its output goes to. */
  to?: number;
  /** A part of a file that it reads. */
  from?: { file: string; offset: number; length: number };
}

/**
 * Runs a program of `app/server/backup` in the data directory of a host, in a one-shot container, as the user whose it is. It is sent along, since not every host has
 * the application server's image.
 *
 * @returns its output
 * @throws Failure with its last line
 */
export async function runProgram({ host: { client }, image, directory }: DataPlace, program: "back-up" | "restore", words: readonly string[], { to, from }: ProgramStreams = {}): Promise<string> {
  const args = ["run", "--rm", "--interactive", "--network", "none", "--read-only", "--cap-drop", "ALL", "--user", `${uid}:${uid}`, "--volume", `${directory}:/data`,
    "--entrypoint", "node", image, "--disable-warning=ExperimentalWarning", "--input-type=module", "--eval", await bundled(program), program, ...words];
  return new Promise((resolve, reject) => {
    const child = spawn(client.path, args, { stdio: [from ? "pipe" : "ignore", to ?? "pipe", "pipe"], env: { ...process.env, ...environmentOf(client) } });
    let [output, complaint] = ["", ""];
    child.stdout?.setEncoding("utf8").on("data", (text: string) => { output += text; });
    child.stderr!.setEncoding("utf8").on("data", (text: string) => { complaint = `${complaint}${text}`.slice(-4_000); });
    // One that ends before it has read everything says why itself.
    if (from) pipeline(createReadStream(from.file, { start: from.offset, end: from.offset + from.length - 1 }), child.stdin!).catch(() => undefined);
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(output) : reject(new Failure(complaint.trim().split("\n").at(-1) || `it ended with ${code}`))));
  });
}

/** The program with what it imports, as one text. */
async function bundled(program: string): Promise<string> {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({ entryPoints: [join(root, "app/server/backup", `${program}.ts`)], bundle: true, write: false, platform: "node", format: "esm", target: "node24", logLevel: "silent" });
  return outputFiles[0]!.text;
}
