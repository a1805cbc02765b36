import type { OpMap } from "@pulumi/pulumi/automation/index.js";
import { requireSecrets } from "../pulumi/secrets.ts";
import { missingImages } from "../pulumi/program.ts";
import { imagesOn, planImages, takeInventory, type PlannedImages } from "../pulumi/images.ts";
import { clientsOf, dataDirectoryOf, eachHost, type StackHost } from "../pulumi/stack-hosts.ts";
import { tlsOf } from "../pulumi/tls.ts";
import { makeAuthority } from "./authority.ts";
import { giveWay } from "./give-way.ts";
import { hostsOf, refuseUnprepared } from "./hosts.ts";
import { root } from "./paths.ts";
import { findPublished } from "../pulumi/published.ts";
import { chooseSwitch } from "../pulumi/switch-choice.ts";
import { refuseFullDisks } from "./disks.ts";
import { Diagnostics, engineStack } from "./engine.ts";
import { loadSettings } from "./environment.ts";
import { environmentOf, readOptions, stackOptions } from "./options.ts";
import { refuseBusyPorts } from "./ports.ts";
import { isAsRecorded, releases } from "./releases.ts";
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
  giveWay();
  useOwnTools();
  const hosts = await hostsOf(settings, target);
  const all = eachHost(hosts);
  await Promise.all(all.map((host) => refuseUnprepared(host, settings)));
  const present = await stackContainers(clientsOf(hosts), target.stack);
  for (const host of all) await refuseBusyPorts(settings, host, present.filter(({ client, state }) => client === host.client && state === "running").map(({ id }) => id));
  const dataDirectory = dataDirectoryOf(settings, target.stack, root);
  await refuseFullDisks(all, { state: target.directory, data: dataDirectory });
  // What the edges are given is part of what is foreseen.
  await makeAuthority(settings, target.directory);
  const tls = tlsOf(settings, target.directory);
  const images = new Map<StackHost, PlannedImages>();
  const missing: string[] = [];
  for (const host of all) {
    const inventory = await takeInventory(host.client);
    const planned = planImages(settings, choice, inventory, await findPublished(settings, inventory.platform));
    images.set(host, planned);
    missing.push(...missingImages(imagesOn(planned, host.servers), inventory).map((sentence) => host.ssh ? `${host.name}: ${sentence}` : sentence));
  }
  let sentences: readonly string[] = [];
  const stack = await engineStack(target, Promise.resolve({ settings, hosts, images, choice, dataDirectory, tls, foreseen: (told: readonly string[]) => { sentences = told; } }));
  const diagnostics = new Diagnostics();
  let changes: OpMap;
  try {
    ({ changeSummary: changes } = await stack.preview({ refresh: !isAsRecorded(target, present), suppressProgress: true, suppressOutputs: true, onEvent: diagnostics.listen }));
  } catch (error) {
    throw diagnostics.failure(error);
  }
  say(`What './houseline up' would do to '${target.stack}', with ${choice.kind === "freeswitch" ? "FreeSWITCH" : "the lab switch"} (${choice.why}):`);
  if (Object.keys(changes).every((change) => change === "same")) sentences = ["Nothing changes."];
  for (const sentence of [...missing, ...sentences]) say(`  ${sentence}`);
  const holder = holderOf(target);
  if (holder) say(`But '${holder.command}' by ${holder.user} (process ${holder.pid}) is changing it just now: ask again when that has ended.`);
  else if (releases(target).at(-1)?.result === "begun") say("The last deployment was interrupted: 'up' first finishes that.");
  return 0;
}
