import type { OpMap } from "@pulumi/pulumi/automation/index.js";
import { requireSecrets } from "../pulumi/secrets.ts";
import { dataDirectoryOf, missingImages } from "../pulumi/program.ts";
import { planImages, takeInventory } from "../pulumi/images.ts";
import { findPublished } from "../pulumi/published.ts";
import { chooseSwitch } from "../pulumi/switch-choice.ts";
import { refuseFullDisks } from "./disks.ts";
import { Diagnostics, engineStack } from "./engine.ts";
import { loadSettings } from "./environment.ts";
import { environmentOf, readOptions, stackOptions } from "./options.ts";
import { refuseBusyPorts } from "./ports.ts";
import { isAsRecorded, releases } from "./releases.ts";
import { dockerClient } from "./setup/docker-engine.ts";
import { useOwnTools } from "./setup/index.ts";
import { stackContainers } from "../pulumi/stack-containers.ts";
import { holderOf } from "./stack-lock.ts";
import { say } from "./terminal.ts";

/** `./houseline preview [stack]`: what `up` would do to each container, in words. Changes nothing, and refuses what `up` would refuse. */
export async function preview(args: string[]): Promise<number> {
  const target = environmentOf(readOptions("preview", args, stackOptions, 1));
  const settings = loadSettings(target);
  requireSecrets(settings);
  const choice = chooseSwitch(settings);
  useOwnTools();
  const client = dockerClient();
  const [inventory, present] = await Promise.all([takeInventory(client), stackContainers(client, target.stack)]);
  refuseBusyPorts(settings, present.filter(({ state }) => state === "running").map(({ id }) => id));
  const dataDirectory = dataDirectoryOf(settings, target.stack);
  await refuseFullDisks(client, { state: target.directory, data: dataDirectory });
  const images = planImages(settings, choice, inventory, await findPublished(settings, inventory.platform));
  let sentences: readonly string[] = [];
  const stack = await engineStack(target, Promise.resolve({ settings, client, images, choice, dataDirectory, foreseen: (told: readonly string[]) => { sentences = told; } }));
  const diagnostics = new Diagnostics();
  let changes: OpMap;
  try {
    ({ changeSummary: changes } = await stack.preview({ refresh: !isAsRecorded(target, present), suppressProgress: true, suppressOutputs: true, onEvent: diagnostics.listen }));
  } catch (error) {
    throw diagnostics.failure(error);
  }
  say(`What './houseline up' would do to '${target.stack}', with ${choice.kind === "freeswitch" ? "FreeSWITCH" : "the lab switch"} (${choice.why}):`);
  if (Object.keys(changes).every((change) => change === "same")) sentences = ["Nothing changes."];
  for (const sentence of [...missingImages(images, inventory), ...sentences]) say(`  ${sentence}`);
  const holder = holderOf(target);
  if (holder) say(`But '${holder.command}' by ${holder.user} (process ${holder.pid}) is changing it just now: ask again when that has ended.`);
  else if (releases(target).at(-1)?.result === "begun") say("The last deployment was interrupted: 'up' first finishes that.");
  return 0;
}
