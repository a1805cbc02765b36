import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { Failure } from "./failure.ts";
import { endRun, runMark } from "./leftovers.ts";
import { readOptions } from "./options.ts";
import { root, stateDirectory } from "./paths.ts";
import { composeCommand } from "./setup/compose.ts";
import { forTesting, setUp } from "./setup/index.ts";
import { say } from "./terminal.ts";

interface Bench { what: string; needsCompose?: true; needsFreeswitch?: true }

const benches: Record<string, Bench> = {
  "app-server": { what: "sockets, call events and restarts of the application server, beside a bare ws server" },
  deploy: { what: "seconds of 'up', beside an empty Pulumi program and Docker Compose", needsCompose: true },
  images: { what: "builds of each image, sizes, what an upgrade moves to a host, beside one single image with everything in it" },
  interrupted: { what: "an upgrade killed with SIGKILL at each of its steps: who can still call, what the next 'up' mends" },
  kills: { what: "hundreds of kills of the application server under load, on SQLite and on PostgreSQL" },
  outlive: { what: "a page loaded again, a switch killed: how long the voice is away, and what is left", needsFreeswitch: true },
  relay: { what: "a relay that dies under a call: how often and when both hear each other again", needsFreeswitch: true },
  switch: { what: "start, latency, cost of a call on FreeSWITCH, beside its packaged configuration", needsFreeswitch: true },
  upgrade: { what: "an upgrade of each container under people who talk, beside the same by Docker Compose", needsCompose: true, needsFreeswitch: true },
};

interface Figure { name: string; value: number; unit: string; goal?: string; peer?: number; ratio?: number; ok?: boolean }

/** `./houseline bench [name]`: measures on stacks of its own, side by side with the peer, and prints a table. */
export async function bench(args: string[]): Promise<number> {
  const { values, positionals } = readOptions("bench", args, { json: { type: "boolean" }, yes: { type: "boolean" } }, 1);
  const [name] = positionals;
  if (name === undefined || !Object.hasOwn(benches, name)) {
    throw new Failure(`${name === undefined ? "Say which bench" : `There is no bench '${name}'`}:\n${Object.entries(benches).map(([known, { what }]) => `  ./houseline bench ${known.padEnd(11)} ${what}`).join("\n")}`);
  }
  if (benches[name]!.needsFreeswitch && !process.env.HOUSELINE_FREESWITCH_APT) {
    throw new Failure(`The bench '${name}' measures real FreeSWITCH: set HOUSELINE_FREESWITCH_APT to a line of an apt source with its packages ('deb https://… bookworm main').`);
  }
  const consent = { yes: values.yes ?? false };
  await setUp(forTesting, consent);
  const compose = benches[name]!.needsCompose ? await composeCommand(consent) : [];
  const { code, figures } = await measure(name, compose);
  const result = { bench: name, machine: `${cpus().length} × ${cpus()[0]?.model.trim() ?? "unknown"}, ${Math.round(totalmem() / 2 ** 30)} GiB`, figures };
  if (values.json) say(JSON.stringify(result, null, 2));
  else printTable(result);
  return code;
}

/** Runs the bench as a program of its own; what it had deployed is removed however it ends. */
async function measure(name: string, compose: readonly string[]): Promise<{ code: number; figures: Figure[] }> {
  const output = join(stateDirectory, "test", `bench-${process.pid}.json`);
  mkdirSync(join(output, ".."), { recursive: true });
  const environment = { ...process.env, [runMark]: String(process.pid), HOUSELINE_BENCH_OUTPUT: output, HOUSELINE_COMPOSE: JSON.stringify(compose) };
  // Ctrl-C ends the bench, which is in the same group.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => {});
  try {
    const code = await new Promise<number>((resolve, reject) => {
      spawn(process.execPath, ["--disable-warning=ExperimentalWarning", join(root, "test/bench", `${name}.ts`)], { cwd: root, stdio: ["ignore", 2, "inherit"], env: environment })
        .on("error", reject).on("exit", (exit) => resolve(exit ?? 1));
    });
    return { code, figures: existsSync(output) ? JSON.parse(readFileSync(output, "utf8")) as Figure[] : [] };
  } finally {
    rmSync(output, { force: true });
    await endRun(process.pid);
  }
}

function printTable({ bench: name, machine, figures }: { bench: string; machine: string; figures: Figure[] }): void {
  say();
  say(`${name} on ${machine}`);
  const rows = figures.map(({ name: what, value, unit, peer, ratio, goal, ok }) => [
    what, `${value} ${unit}`, peer === undefined ? "" : `${peer} ${unit}`, ratio === undefined ? "" : `${ratio}×`, goal === undefined ? "" : `${goal}: ${ok ? "met" : "missed"}`,
  ]);
  const header = ["what", "here", "peer", "ratio", "goal"];
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  for (const row of [header, ...rows]) say(`  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd()}`);
}
