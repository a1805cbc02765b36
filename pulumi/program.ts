import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { AppServer } from "./app-server.ts";
import { ownDataDirectory, voicemailDirectoryOf } from "./data-directory.ts";
import type { DockerClient } from "./docker-cli.ts";
import { GuardRails } from "./guard-rails.ts";
import { imageFacts } from "./image-facts.ts";
import { ensureImages, planImages, repositoryRoot, takeInventory, type Image, type ImageName, type Inventory } from "./images.ts";
import { Forecast } from "./forecast.ts";
import { LocalHost } from "./local-host.ts";
import { findPublished } from "./published.ts";
import { requireSecrets } from "./secrets.ts";
import { readSettings, type Settings } from "./settings.ts";
import { Softswitch, directoryUrls } from "./softswitch.ts";
import { chooseSwitch, type SwitchChoice } from "./switch-choice.ts";

/** What a command has worked out already, so that it isn't worked out twice; `pulumi up` gives nothing. */
export interface Prepared {
  settings: Settings; client: DockerClient; images: Record<ImageName, Image | undefined>; choice: SwitchChoice; dataDirectory: string;
  /** Told what a preview foresees; the engine's log unless given. */
  foreseen?: (sentences: readonly string[]) => void;
}

/** What is deployed. */
export async function houseline(prepared?: Prepared): Promise<Record<string, unknown>> {
  const stack = pulumi.getStack();
  const given = prepared ?? await prepare(stack);
  const { settings, client, images, choice, dataDirectory } = given;
  const forecast = pulumi.runtime.isDryRun() ? new Forecast() : undefined;
  const secrets = requireSecrets(settings);
  const { ports, site } = settings;
  const sipUrl = `ws://${site}:${ports.switchEdge}/sip`;
  const image = (name: ImageName) => images[name]!.reference;

  const rails = new GuardRails(settings, await imageFacts(client, Object.values(images).flatMap((one) => one?.reference ?? [])));
  const host = new LocalHost("local", client, settings.addresses);

  const softswitch = new Softswitch("softswitch", {
    stack, host, settings, secrets, choice,
    images: { sound: image("freeswitch-sound"), switch: image(choice.kind), edge: image("edge"), secrets: image("secrets") },
    directoryUrls: directoryUrls(host.privateAddress, ports.directory),
    peers: [host.privateAddress],
    voicemailDirectory: voicemailDirectoryOf(dataDirectory),
  });

  new AppServer("app-server", {
    stack, host, settings, secrets, dataDirectory,
    images: { appServer: image("app-server"), edge: image("edge"), secrets: image("secrets") },
    switches: [{ name: "local", eslHost: host.privateAddress, eslPort: ports.esl, sipUrl }],
  });

  rails.close();
  if (forecast) (given.foreseen ?? logged)(await forecast.told(client, stack));
  return { page: `http://${site}:${ports.applicationEdge}/`, sip: sipUrl, switch: choice.kind, why: choice.why, switchContainer: softswitch.switch.name };
}

const logged = (sentences: readonly string[]) => { for (const sentence of sentences) void pulumi.log.info(sentence); };

/** The configuration as Pulumi has it, and the images that it calls for; a preview builds none. */
async function prepare(stack: string): Promise<Prepared> {
  const settings = readSettings(ownConfig(), process.env, `the configuration of the stack ${stack}`);
  requireSecrets(settings);
  const client: DockerClient = { path: "docker", host: process.env.DOCKER_HOST };
  const choice = chooseSwitch(settings);
  const inventory = await takeInventory(client);
  const images = planImages(settings, choice, inventory, await findPublished(settings, inventory.platform));
  const dataDirectory = dataDirectoryOf(settings, stack);
  if (pulumi.runtime.isDryRun()) logged(missingImages(images, inventory));
  else await prepareHost({ settings, client, images, choice, dataDirectory }, stack, inventory);
  return { settings, client, images, choice, dataDirectory };
}

/** A sentence for each image that an update would get first. */
export function missingImages(images: Record<ImageName, Image | undefined>, inventory: Inventory): string[] {
  return Object.values(images).filter((image) => image !== undefined && !inventory.images.has(image.reference))
    .map((image) => `The image ${image!.reference} is ${image!.built ? "built" : "pulled"} before anything is stopped.`);
}

async function prepareHost({ settings, client, images, dataDirectory }: Prepared, stack: string, inventory: Inventory): Promise<void> {
  const wanted = Object.values(images).filter((image) => image !== undefined);
  await ensureImages(client, wanted, settings, inventory, (image, what) => void pulumi.log.info(`${image}: ${what}`, undefined, undefined, true));
  await ownDataDirectory(client, dataDirectory, stack, images["app-server"]!.reference);
}

/** Where a stack keeps the data of its people. */
export function dataDirectoryOf(settings: Settings, stack: string): string {
  return settings.dataDirectory ?? join(repositoryRoot, ".houseline", "data", stack);
}

function ownConfig(): Record<string, unknown> {
  const prefix = `${pulumi.getProject()}:`;
  return Object.fromEntries(Object.entries(pulumi.runtime.allConfig())
    .filter(([key]) => key.startsWith(prefix)).map(([key, value]) => [key.slice(prefix.length), value]));
}
