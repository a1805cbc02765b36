import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { AppServer, moreName } from "./app-server.ts";
import { ownDataDirectory, voicemailDirectoryOf } from "./data-directory.ts";
import type { DockerClient } from "./docker-cli.ts";
import { certificatesVolume, type Certificates } from "./edge.ts";
import { GuardRails } from "./guard-rails.ts";
import { imageFacts } from "./image-facts.ts";
import { ensureImages, imagesOn, planImages, repositoryRoot, takeInventory, type Image, type Inventory, type PlannedImages } from "./images.ts";
import { Forecast } from "./forecast.ts";
import { LocalHost, type Host } from "./local-host.ts";
import { stackOutputs } from "./outputs.ts";
import { findPublished } from "./published.ts";
import { requireSecrets } from "./secrets.ts";
import { readSettings, type Settings } from "./settings.ts";
import { applicationOrigins, pageUrl, sipUrl, standbySiteOf, switchSiteOf } from "./sites.ts";
import { Softswitch, directoryUrls } from "./softswitch.ts";
import { SshHost } from "./ssh-host.ts";
import { applicationHosts, dataDirectoryOf, eachHost, stackHosts, type StackHost, type StackHosts } from "./stack-hosts.ts";
import { Turn } from "./turn.ts";
import { turnUrls } from "./turn-settings.ts";
import { chooseSwitch, type SwitchChoice } from "./switch-choice.ts";
import { tlsOf, type Tls } from "./tls.ts";

/** What a command has worked out already, so that it isn't worked out twice; `pulumi up` gives nothing. */
export interface Prepared {
  settings: Settings; hosts: StackHosts; choice: SwitchChoice; dataDirectory: string; tls: Tls;
  /** What each host is deployed from. */
  images: ReadonlyMap<StackHost, PlannedImages>;
  /** Told what a preview foresees; the engine's log unless given. */
  foreseen?: (sentences: readonly string[]) => void;
}

/** Where a stack keeps its state, and what it was given to reach its hosts. */
export const stackDirectoryOf = (stack: string) => join(repositoryRoot, ".houseline", "stacks", stack);

/** What is deployed. */
export async function houseline(prepared?: Prepared): Promise<Record<string, unknown>> {
  const stack = pulumi.getStack();
  const given = prepared ?? await prepare(stack);
  const { settings, hosts, images, choice, dataDirectory, tls } = given;
  const forecast = pulumi.runtime.isDryRun() ? new Forecast() : undefined;
  const secrets = requireSecrets(settings);
  const { ports } = settings;

  const rails = new GuardRails(settings, await factsOf(hosts, images));
  const declared = declareHosts(hosts);
  const [switchHost, appHost, standbyHost] = [declared.get(hosts.softswitch)!, declared.get(hosts.application)!, hosts.standby && declared.get(hosts.standby)];
  const certificates = declareCertificates(stack, tls, switchHost, appHost, standbyHost);
  const onSwitchHost = images.get(hosts.softswitch)!;
  const media = [switchHost, ...(standbyHost ? [standbyHost] : [])];

  const softswitchOn = (name: "softswitch" | "standby", at: StackHost, host: Host, site: string) => {
    const on = images.get(at)!;
    return new Softswitch(name, {
      stack, host, settings, secrets, choice, tls, site, certificates: certificates[name],
      images: { sound: on["freeswitch-sound"]!.reference, switch: on[choice.kind]!.reference, edge: on.edge!.reference, secrets: on.secrets!.reference },
      directoryUrls: directoryUrls(applicationHosts(hosts).map((one) => declared.get(one)!.privateAddress), ports.directory),
      peers: media.map(({ privateAddress }) => privateAddress),
      voicemailDirectory: voicemailDirectoryOf(dataDirectory),
    });
  };
  const softswitch = softswitchOn("softswitch", hosts.softswitch, switchHost, switchSiteOf(settings));
  if (standbyHost) softswitchOn("standby", hosts.standby!, standbyHost, standbySiteOf(settings)!);

  if (settings.turn.enabled) new Turn("turn", {
    stack, host: switchHost, settings, secrets, tls, certificates: certificates.softswitch,
    images: { turn: onSwitchHost.turn!.reference, secrets: onSwitchHost.secrets!.reference },
    peers: media.map(({ internalAddress, publicAddress }) => internalAddress ?? publicAddress),
  });

  let before: AppServer | undefined;
  for (const at of applicationHosts(hosts)) {
    const [host, on] = [declared.get(at)!, images.get(at)!];
    const name = at.site === undefined ? "app-server" : moreName(at.site);
    before = new AppServer(name, {
      stack, host, settings, secrets, dataDirectory, tls, site: at.site ?? settings.site, after: before,
      certificates: at.site === undefined ? certificates.application : certificatesVolume(`${name}-certificates`, stack, tls, { provider: host.provider }),
      images: { appServer: on["app-server"]!.reference, edge: on.edge!.reference, secrets: on.secrets!.reference },
      switches: [
        { name: "local", eslHost: switchHost.privateAddress, eslPort: ports.esl, sipUrl: sipUrl(settings) },
        ...(standbyHost ? [{ name: "standby", eslHost: standbyHost.privateAddress, eslPort: ports.esl, sipUrl: sipUrl(settings, standbySiteOf(settings)) }] : []),
      ],
      turnUrls: turnUrls(settings),
    });
  }

  rails.close();
  if (forecast) (given.foreseen ?? logged)(await forecast.told(new Map([...declared].map(([host, { provider }]) => [provider, host])), stack));
  const [, ...morePages] = applicationOrigins(settings).map((one) => `${one}/`);
  return { page: pageUrl(settings), ...(morePages.length > 0 && { morePages: morePages.join(" ") }), sip: sipUrl(settings), ...(standbyHost && { standby: sipUrl(settings, standbySiteOf(settings)) }), switch: choice.kind, why: choice.why, switchContainer: softswitch.switch.name, ...stackOutputs(settings) };
}

const logged = (sentences: readonly string[]) => { for (const sentence of sentences) void pulumi.log.info(sentence); };

/** A resource for each host; where both servers are on one, it is the same. */
function declareHosts(hosts: StackHosts): Map<StackHost, Host> {
  return new Map(eachHost(hosts).map((host) => [host, host.ssh ? new SshHost(resourceName(hosts, host), host) : new LocalHost(resourceName(hosts, host), host.client, host.addresses)]));
}

/** One for each host. */
function declareCertificates(stack: string, tls: Tls, switchHost: Host, appHost: Host, standbyHost: Host | undefined): Record<"softswitch" | "application" | "standby", Certificates> {
  const on = (name: string, { provider }: Host) => certificatesVolume(name, stack, tls, { provider });
  const standby = standbyHost && on("standby-certificates", standbyHost);
  if (switchHost !== appHost) return { softswitch: on("softswitch-certificates", switchHost), application: on("app-server-certificates", appHost), standby };
  const both = on("certificates", switchHost);
  return { softswitch: both, application: both, standby };
}

function resourceName({ softswitch, application, standby }: StackHosts, host: StackHost): string {
  if (!host.ssh) return "local";
  if (host === standby) return "standby-host";
  if (host.site !== undefined) return `${moreName(host.site)}-host`;
  return softswitch === application ? "host" : host === softswitch ? "softswitch-host" : "app-server-host";
}

/** Where each host's Docker is, by the name of its provider in the engine's state. */
export function dockersOf(hosts: StackHosts): Map<string, string> {
  return new Map(eachHost(hosts).filter(({ ssh }) => ssh).map((host) => [`${resourceName(hosts, host)}-docker`, host.client.host!]));
}

async function factsOf(hosts: StackHosts, images: ReadonlyMap<StackHost, PlannedImages>) {
  const facts = await Promise.all(eachHost(hosts).map(async (host) => imageFacts(host.client, imagesOn(images.get(host)!, host.servers).map(({ reference }) => reference))));
  return new Map(facts.flatMap((map) => [...map]));
}

/** The configuration as Pulumi has it, and the images that it calls for; a preview builds none. */
async function prepare(stack: string): Promise<Prepared> {
  const settings = readSettings(ownConfig(), process.env, `the configuration of the stack ${stack}`);
  requireSecrets(settings);
  const client: DockerClient = { path: "docker", host: process.env.DOCKER_HOST };
  const choice = chooseSwitch(settings);
  const directory = stackDirectoryOf(stack);
  const hosts = await stackHosts(settings, directory, client);
  const tls = tlsOf(settings, directory);
  const dataDirectory = dataDirectoryOf(settings, stack, repositoryRoot);
  const images = new Map<StackHost, PlannedImages>();
  for (const host of eachHost(hosts)) {
    const inventory = await takeInventory(host.client);
    const planned = planImages(settings, choice, inventory, await findPublished(settings, inventory.platform));
    images.set(host, planned);
    if (pulumi.runtime.isDryRun()) logged(missingImages(imagesOn(planned, host.servers), inventory));
    else await prepareHost(host, planned, { settings, dataDirectory }, stack, inventory);
  }
  return { settings, hosts, images, choice, dataDirectory, tls };
}

/** A sentence for each image that an update would get first. */
export function missingImages(images: readonly Image[], inventory: Inventory): string[] {
  return images.filter(({ reference }) => !inventory.images.has(reference))
    .map(({ reference, built }) => `The image ${reference} is ${built ? "built" : "pulled"} before anything is stopped.`);
}

async function prepareHost(host: StackHost, planned: PlannedImages, { settings, dataDirectory }: Pick<Prepared, "settings" | "dataDirectory">, stack: string, inventory: Inventory): Promise<void> {
  await ensureImages(host.client, imagesOn(planned, host.servers), settings, inventory, (image, what) => void pulumi.log.info(`${image}: ${what}`, undefined, undefined, true));
  await ownDataDirectory(host, dataDirectory, stack, planned.edge!.reference);
}

function ownConfig(): Record<string, unknown> {
  const prefix = `${pulumi.getProject()}:`;
  return Object.fromEntries(Object.entries(pulumi.runtime.allConfig())
    .filter(([key]) => key.startsWith(prefix)).map(([key, value]) => [key.slice(prefix.length), value]));
}
