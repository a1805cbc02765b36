import { runDocker, type DockerClient } from "../../pulumi/docker-cli.ts";
import { longestConfig, type ImageConfig } from "../../pulumi/image-archive.ts";
import type { Image } from "../../pulumi/images.ts";
import { parseAddress, registryOf, repositoryOf } from "../../pulumi/published.ts";
import { inputsLabel } from "../../pulumi/reproducible-image.ts";
import type { Settings } from "../../pulumi/settings.ts";
import { currentRelease } from "../releases.ts";
import { say } from "../terminal.ts";
import type { ImagesContext } from "./index.ts";

/** `./houseline images --explain IMAGE`: which of its inputs changed since the deployed release. */
export async function explain({ environment, settings, client, json }: ImagesContext, wanted: Image): Promise<number> {
  const image = wanted.alias === undefined ? wanted : { ...wanted, inputs: await publishedInputs(settings, wanted) };
  const release = currentRelease(environment);
  const reference = release?.images[image.name];
  const before = reference === undefined ? undefined : await inputsOf(client, reference);
  const changes = before && Object.keys(image.inputs).length > 0 ? differences(before, image.inputs) : [];
  if (json) {
    say(JSON.stringify({ image: image.name, reference: image.reference, deployed: reference, since: release?.time, changes: before ? changes : undefined }, null, 2));
    return 0;
  }
  say(sentence(image, reference, release?.time, before, changes));
  for (const change of changes) say(`  ${change}`);
  return 0;
}

function sentence(image: Image, deployed: string | undefined, time: string | undefined, before: Record<string, string> | undefined, changes: readonly string[]): string {
  if (time === undefined) return `Nothing is deployed yet: ${image.reference} is new with all its ${Object.keys(image.inputs).length} inputs.`;
  if (deployed === undefined) return `The release of ${time} has no ${image.name}: ${image.reference} is new.`;
  if (deployed === image.reference) return `${image.reference} is what is deployed since ${time}: none of its inputs changed.`;
  if (Object.keys(image.inputs).length === 0) return `${image.reference} is a ready-made image that the configuration names; deployed since ${time} is ${deployed}.`;
  if (before === undefined) return `${deployed}, deployed since ${time}, does not say what it was made from: it is no longer on this host, or was not built by this program.`;
  return `${image.reference} differs from ${deployed}, deployed since ${time}, in ${changes.length === 1 ? "one input" : `${changes.length} inputs`}:`;
}

/** What a published image was made from, by the configuration that the registry has of it. */
async function publishedInputs(settings: Settings, { name, reference }: Image): Promise<Record<string, string>> {
  const address = parseAddress(settings.registry.address!);
  const registry = await registryOf(address, settings);
  const found = await registry.manifest(repositoryOf(address, name), reference.slice(reference.indexOf("@") + 1));
  if (!found) return {};
  const config = await registry.blob(repositoryOf(address, name), found.manifest.config.digest, longestConfig);
  return JSON.parse((JSON.parse(config.toString()) as ImageConfig).config.Labels?.[inputsLabel] ?? "{}") as Record<string, string>;
}

/** What an image was made from, by its label; `undefined` when it isn't here or doesn't say. */
export async function inputsOf(client: DockerClient, reference: string): Promise<Record<string, string> | undefined> {
  const { code, stdout } = await runDocker(client, ["image", "inspect", "--format", `{{index .Config.Labels "${inputsLabel}"}}`, reference]);
  try {
    return code === 0 ? JSON.parse(stdout) as Record<string, string> : undefined;
  } catch {
    return undefined;
  }
}

/** A line for each input that differs: build arguments and base images first, then packages, then files. */
export function differences(before: Record<string, string>, after: Record<string, string>): string[] {
  const order = ["image", "base", "arg", "deb", "npm", "file"];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => before[key] !== after[key]);
  const kindOf = (key: string) => key.slice(0, key.indexOf(" "));
  return keys.sort((a, b) => order.indexOf(kindOf(a)) - order.indexOf(kindOf(b)) || (a < b ? -1 : 1))
    .map((key) => line(kindOf(key), key.slice(key.indexOf(" ") + 1), before[key], after[key]));
}

function line(kind: string, name: string, before: string | undefined, after: string | undefined): string {
  const change = before === undefined ? `new, ${after}` : after === undefined ? `gone, it was ${before}` : `${before} → ${after}`;
  switch (kind) {
    case "image": return `platform: ${change}`;
    case "base": return `base image ${name}: ${change}`;
    // Its value is not kept in the image.
    case "arg": return `build argument ${name} ${before === undefined ? "is new" : after === undefined ? "is gone" : "changed"}`;
    case "npm": return `npm package ${name.slice(name.lastIndexOf("node_modules/") + 13)}: ${packageChange(before, after)}`;
    case "deb": return `package ${name}: ${packageChange(before, after)}`;
    default: return `file ${name} ${before === undefined ? "is new" : after === undefined ? "is gone" : before.slice(1) === after.slice(1) ? modeChange(after) : "changed"}`;
  }
}

const modeChange = (after: string) => (after.startsWith("x") ? "became executable" : "is not executable any more");

function packageChange(before: string | undefined, after: string | undefined): string {
  const [old, now] = [before?.split(" ")[0], after?.split(" ")[0]];
  if (old === undefined) return `new, ${now}`;
  if (now === undefined) return `gone, it was ${old}`;
  return old === now ? `${now} with other contents (its digest changed)` : `${old} → ${now}`;
}
