import { isDeepStrictEqual } from "node:util";
import { shortName } from "../pulumi/containers.ts";
import { ensureImages, takeInventory, type ImageName } from "../pulumi/images.ts";
import { hasApplication } from "../pulumi/port-ranges.ts";
import { Refusal } from "../pulumi/refusal.ts";
import { requireSecrets } from "../pulumi/secrets.ts";
import { recalled, type Settings } from "../pulumi/settings.ts";
import { deploy } from "./deploy.ts";
import { loadSettings } from "./environment.ts";
import { Failure } from "./failure.ts";
import { giveWay } from "./give-way.ts";
import { environmentOf, readOptions, stackOptions } from "./options.ts";
import { currentRelease, imagesFor, releases, resultOf, type Release } from "./releases.ts";
import { eachHost, type StackHost, type StackHosts } from "../pulumi/stack-hosts.ts";
import { hostsOf, refuseUnprepared } from "./hosts.ts";
import { neededBy, setUp } from "./setup/index.ts";
import { holdingLock } from "./stack-lock.ts";
import { say } from "./terminal.ts";
import { deployOptions, patienceOf, report } from "./up.ts";

/** `./houseline rollback [stack]`: deploys the release before this one, by the images and the configuration that were recorded of it. */
export async function rollback(args: string[]): Promise<number> {
  const parsed = readOptions("rollback", args, deployOptions, 1);
  const target = environmentOf(parsed);
  const current = currentRelease(target);
  const before = current && releases(target).findLast((release) => release.result === "deployed" && !isSame(release, current));
  if (!before) throw new Failure(`There is no release of '${target.stack}' before this one to go back to. './houseline history' lists them.`);
  // Secrets are not recorded: today's are used.
  const today = loadSettings(target);
  giveWay();
  await setUp(neededBy(today), { yes: parsed.values.yes ?? false });
  const settings = { ...recalled(before.settings, today, `The release of ${before.time}`), registry: today.registry };
  requireSecrets(settings);
  const hosts = await hostsOf(settings, target);
  await Promise.all(eachHost(hosts).map((host) => refuseUnprepared(host, settings)));
  await refuseLostImages(before, settings, hosts);
  say(`Going back to the release of ${before.time} by ${before.user}.`);
  const result = await holdingLock(target, "./houseline rollback", () => deploy(target, settings, { command: "rollback", wait: !parsed.values["no-wait"], patience: patienceOf(parsed.values), release: before }));
  report(result, settings);
  say();
  say("  The configuration and the code here are as they were: the next './houseline up' deploys them again.");
  return 0;
}

const isSame = (one: Release, other: Release) => (["images", "applicationImages", "standbyImages", "settings"] as const).every((key) => isDeepStrictEqual(one[key], other[key]));

/** Those that a host has no more are pulled, before anything is changed. */
async function refuseLostImages(release: Release, settings: Settings, hosts: StackHosts): Promise<void> {
  for (const host of eachHost(hosts)) {
    const inventory = await takeInventory(host.client);
    for (const [name, reference] of Object.entries(imagesOf(release, host)) as [ImageName, string][]) {
      try {
        await ensureImages(host.client, [{ name, reference, built: false, buildArgs: {}, bases: [], inputs: {} }], settings, inventory, () => {});
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        throw new Failure(`The release of ${release.time} can't be deployed again: its image ${reference} is not on ${host.ssh ? host.name : "this host"} any more, nor in a registry. Nothing was changed. Get the older code back and type './houseline up'.`);
      }
    }
  }
}

/** Of those that were recorded, the ones that a host needs. */
function imagesOf(release: Release, host: StackHost): Release["images"] {
  const { "app-server": appServer, ...rest } = imagesFor(host, release);
  return hasApplication(host.servers) ? { ...rest, "app-server": appServer } : rest;
}

/** `./houseline history [stack]`: every deployment: when, who, what, how it ended. */
export async function history(args: string[]): Promise<number> {
  const parsed = readOptions("history", args, { ...stackOptions, json: { type: "boolean" } }, 1);
  const target = environmentOf(parsed);
  const list = releases(target).map((release) => ({ ...release, result: resultOf(target, release) }));
  if (parsed.values.json) {
    say(JSON.stringify(list, null, 2));
    return 0;
  }
  if (list.length === 0) say("Nothing was deployed yet.");
  let last: Pick<Release, "images" | "settings"> | undefined;
  for (const release of list) {
    say(`${release.time}  ${release.result.padEnd(11)} ${release.command.padEnd(8)} ${`${release.seconds} s`.padStart(8)}  ${release.user}  ${changes(last, release)}`);
    if (release.result === "deployed") last = release;
  }
  return 0;
}

function changes(before: Pick<Release, "images" | "settings"> | undefined, after: Pick<Release, "images" | "settings">): string {
  if (!before) return "first";
  const images = Object.entries(after.images).filter(([name, reference]) => before.images[name as keyof Release["images"]] !== reference).map(([name, reference]) => `${name} ${tagOf(before.images[name as keyof Release["images"]])} → ${tagOf(reference)}`);
  const configured = isDeepStrictEqual(before.settings, after.settings) ? [] : ["configuration"];
  return [...images, ...configured].join(", ") || "nothing new";
}

const tagOf = (reference: string | undefined) => reference === undefined ? "none" : shortName(reference);
