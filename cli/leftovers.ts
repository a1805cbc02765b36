import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { docker, runDocker } from "../pulumi/docker-cli.ts";
import { oneAtATime } from "./held-name.ts";
import { removeLeftoverEngines, unmountUnder } from "./leftover-engines.ts";
import { stackDirectory, stateDirectory } from "./paths.ts";
import { dockerClient } from "./setup/docker-engine.ts";

/** Stacks of the tests are named after the process that made them: `test-<pid>-…`. */
const testStack = /^test-(\d+)-/;

/** What every process of a run of the tests has in its environment. */
export const runMark = "HOUSELINE_TEST_RUN";

/** Milliseconds that an interrupted run's own processes may take to end. */
const endMs = 60_000;

/** Waits until nothing of a run is alive any more, and removes what it deployed. */
export async function endRun(run: number): Promise<void> {
  for (const end = Date.now() + endMs; Date.now() < end && hasProcesses(run); await delay(200));
  await removeLeftovers(run);
}

/** Processes that inherited the mark of a run, this one left out. (proc(5), `environ`) */
function hasProcesses(run: number): boolean {
  return readdirSync("/proc").some((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(`${runMark}=${run}`);
    } catch {
      return false;
    }
  });
}

/**
 * Removes stacks of tests whose process is gone: interrupted, or killed. Files that run side by side look for such, as other
 * checkouts on this machine do: of two that find the same one, the second would fail at what is gone already.
 *
 * @param run a run that is over although its process lives
 */
export function removeLeftovers(run?: number): Promise<void> {
  return oneAtATime("leftovers", () => removeAll(run));
}

async function removeAll(run?: number): Promise<void> {
  const client = dockerClient();
  const list = async (...words: string[]) => (await docker(client, words)).split("\n");
  const labels = [
    ...await list("ps", "--all", "--filter", "label=houseline.stack", "--format", `{{.Label "houseline.stack"}}`),
    ...await list("volume", "ls", "--filter", "label=houseline.stack", "--format", `{{.Label "houseline.stack"}}`),
  ];
  const isOver = (pid: number) => pid === run || !existsSync(`/proc/${pid}`);
  await removeLeftoverEngines(isOver);
  const folder = stackDirectory("");
  const stacks = new Set([...labels, ...(existsSync(folder) ? readdirSync(folder) : [])]);
  for (const stack of stacks) {
    const pid = testStack.exec(stack)?.[1];
    if (pid !== undefined && isOver(Number(pid))) await removeByLabel(stack);
  }
}

/** Removes everything of a stack without asking its engine. */
export async function removeByLabel(stack: string): Promise<void> {
  const client = dockerClient();
  const filter = ["--quiet", "--filter", `label=houseline.stack=${stack}`];
  const containers = (await docker(client, ["ps", "--all", ...filter])).split("\n").filter(Boolean);
  if (containers.length > 0) await runDocker(client, ["rm", "--force", "--volumes", ...containers]);
  const volumes = (await docker(client, ["volume", "ls", ...filter])).split("\n").filter(Boolean);
  if (volumes.length > 0) await runDocker(client, ["volume", "rm", "--force", ...volumes]);
  const networks = (await docker(client, ["network", "ls", ...filter])).split("\n").filter(Boolean);
  if (networks.length > 0) await runDocker(client, ["network", "rm", ...networks]);
  for (const path of [stackDirectory(stack), join(stateDirectory, "data", stack), join(stateDirectory, "test", `${stack}.yaml`)]) {
    // A small file system, of the tests of a full disk.
    await unmountUnder(path);
    rmSync(path, { recursive: true, force: true });
  }
}
