import { chooseSwitch } from "../../pulumi/switch-choice.ts";
import { planImages, takeInventory, type Image, type Inventory } from "../../pulumi/images.ts";
import type { DockerClient } from "../../pulumi/docker-cli.ts";
import { didYouMean } from "../../pulumi/nearest.ts";
import { findPublished } from "../../pulumi/published.ts";
import type { Settings } from "../../pulumi/settings.ts";
import { loadSettings, type Environment } from "../environment.ts";
import { Failure } from "../failure.ts";
import { environmentOf, readOptions, stackOptions } from "../options.ts";
import { dockerClient } from "../setup/docker-engine.ts";
import { forImages, setUp, useOwnTools } from "../setup/index.ts";
import { buildMissing } from "./build.ts";
import { explain } from "./explain.ts";
import { list } from "./list.ts";
import { plan } from "./plan.ts";
import { publish } from "./publish.ts";
import { rebuild } from "./rebuild.ts";
import { update } from "./update.ts";

/** What every action on images is given: a stack, its configuration, and the images that it calls for. */
export interface ImagesContext {
  environment: Environment;
  settings: Settings;
  client: DockerClient;
  inventory: Inventory;
  images: readonly Image[];
  json: boolean;
}

const options = {
  ...stackOptions,
  json: { type: "boolean" }, yes: { type: "boolean" },
  explain: { type: "string" }, build: { type: "boolean" }, rebuild: { type: "string" }, publish: { type: "string" }, plan: { type: "boolean" }, check: { type: "boolean" }, update: { type: "boolean" },
} as const;
/** Of these at most one is given. */
const actions = ["explain", "build", "rebuild", "publish", "plan", "check", "update"] as const;

/** `./houseline images [stack]`: lists the images of a stack, says why they changed, builds and publishes them. */
export async function images(args: string[]): Promise<number> {
  const parsed = readOptions("images", args, options, 1);
  const { values } = parsed;
  const given = actions.filter((name) => values[name] !== undefined);
  if (given.length > 1) throw new Failure(`'./houseline images' does one thing at a time: give --${given[0]} or --${given[1]}, not both.`);
  const environment = environmentOf(parsed);
  const settings = loadSettings(environment);
  if (values.build || values.rebuild !== undefined || values.publish !== undefined || values.update) await setUp(forImages, { yes: values.yes ?? false });
  else useOwnTools();
  // Of each host of the stack, and not of this machine.
  if (values.plan) return plan({ environment, settings, json: values.json ?? false });
  const client = dockerClient();
  const inventory = await takeInventory(client);
  const common = { environment, settings, client, inventory, json: values.json ?? false };
  if (values.publish !== undefined) return publish({ ...common, images: [] }, values.publish);
  if (values.update) return update({ ...common, images: [] });
  const published = await findPublished(settings, inventory.platform);
  const wanted = Object.values(planImages(settings, chooseSwitch(settings), inventory, published)).filter((image) => image !== undefined);
  const context: ImagesContext = { ...common, images: wanted };
  if (values.explain !== undefined) return explain(context, named(context, values.explain));
  if (values.rebuild !== undefined) return rebuild(context, named(context, values.rebuild));
  // It starts containers as the program describes them, with Pulumi's SDK, which takes a while to load.
  if (values.check) return (await import("./check/index.ts")).check(context);
  if (values.build) await buildMissing(context);
  return list(context);
}

function named({ images: wanted, environment: { stack } }: ImagesContext, name: string): Image {
  const found = wanted.find((image) => image.name === name);
  if (found) return found;
  const names = wanted.map((image) => image.name);
  throw new Failure(`The stack '${stack}' has no image '${name}'${didYouMean(name, names) || "."} Its images are ${names.join(", ")}.`);
}
