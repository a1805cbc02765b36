import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { docker, runDocker } from "../pulumi/docker-cli.ts";
import { stackDirectory, stateDirectory } from "./paths.ts";
import { dockerClient } from "./setup/docker-engine.ts";

/** Stacks of the tests are named after the process that made them: `test-<pid>-…`. */
const testStack = /^test-(\d+)-/;

/** Removes stacks of tests whose process is gone: interrupted, or killed. */
export async function removeLeftovers(): Promise<void> {
  const client = dockerClient();
  const list = async (...words: string[]) => (await docker(client, words)).split("\n");
  const labels = [
    ...await list("ps", "--all", "--filter", "label=houseline.stack", "--format", `{{.Label "houseline.stack"}}`),
    ...await list("volume", "ls", "--filter", "label=houseline.stack", "--format", `{{.Label "houseline.stack"}}`),
  ];
  const folder = stackDirectory("");
  const stacks = new Set([...labels, ...(existsSync(folder) ? readdirSync(folder) : [])]);
  for (const stack of stacks) {
    const pid = testStack.exec(stack)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) await removeByLabel(stack);
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
  for (const path of [stackDirectory(stack), join(stateDirectory, "data", stack), join(stateDirectory, "test", `${stack}.yaml`)]) rmSync(path, { recursive: true, force: true });
}
