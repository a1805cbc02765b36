import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { data, labels, replaceOptions, service, type ContainerPlan } from "./containers.ts";
import { edge, type Certificates } from "./edge.ts";
import type { Host } from "./local-host.ts";
import { slots } from "./port-ranges.ts";
import { secretsContainer, type StackSecrets } from "./secrets.ts";
import type { Settings } from "./settings.ts";
import type { SwitchChoice } from "./switch-choice.ts";
import type { Tls } from "./tls.ts";

export interface SoftswitchArgs {
  stack: string;
  host: Host;
  settings: Settings;
  secrets: StackSecrets;
  choice: SwitchChoice;
  tls: Tls;
  /** Name of its edge. */
  site: string;
  certificates: Certificates;
  images: { sound: string; switch: string; edge: string; secrets: string };
  /** Where the application servers' slots answer for the directory. Plain text: nothing here waits for these servers. */
  directoryUrls: readonly string[];
  /** Private addresses of every host with a switch of this stack. */
  peers: readonly string[];
  /** Directory of the host for voicemail, owned by the user of the containers. */
  voicemailDirectory: string;
}

/** Seconds that a switch may take to end after its drain limit. */
const afterDrainSeconds = 30;

/**
 * Media and SIP over WebSocket: prompts and music, the switch, the edge before it. A second one, in reserve, differs in the names of its resources;
 * roles of containers are the same on every host.
 */
export class Softswitch extends pulumi.ComponentResource {
  readonly switch: docker.Container;

  constructor(name: string, args: SoftswitchArgs) {
    super("houseline:Softswitch", name);
    const child = { parent: this, provider: args.host.provider };
    const { stack, settings } = args;
    const isFirst = name === "softswitch";

    const sound = createSound();
    const secrets = createSecrets();
    const slotVolume = createVolume("slots", settings.volumes.switchSlots);
    const stateVolume = createVolume("state", settings.volumes.switchState);
    this.switch = createSwitch();
    createEdge();
    this.registerOutputs();

    function createSound() {
      return new docker.Container(isFirst ? "freeswitch-sound" : `${name}-sound`, data(stack, "freeswitch-sound", args.images.sound), { ...child, deleteBeforeReplace: false });
    }

    function createSecrets() {
      return secretsContainer(`${name}-secrets`, stack, args.images.secrets, {
        "esl-password": args.secrets.eslPassword,
        "directory-password": args.secrets.directoryPassword,
        "mesh-password": args.secrets.meshPassword,
      }, child);
    }

    function createVolume(what: string, given: string | undefined) {
      const volume = `${name}-${what}`;
      return new docker.Volume(volume, { name: given ?? `houseline-${stack}-${volume}`, labels: labels(stack, volume) }, child);
    }

    function createSwitch() {
      const plan = switchContainer(args);
      const { volumes, ...rest } = service(plan);
      return new docker.Container(isFirst ? args.choice.kind : `${name}-switch`, {
        ...rest,
        volumes: [
          ...volumes,
          { volumeName: slotVolume.name, containerPath: "/slots" },
          { volumeName: stateVolume.name, containerPath: "/var/lib/houseline/switch" },
          { fromContainer: sound.name, readOnly: true },
          { fromContainer: secrets.name, readOnly: true },
        ],
      }, { ...child, ...replaceOptions(plan.stopSeconds) });
    }

    function createEdge() {
      return edge(`${name}-edge`, {
        stack, role: "softswitch-edge", kind: "switch", image: args.images.edge, healthySeconds: settings.healthySeconds,
        site: args.site, address: args.host.edgeAddress, address6: args.host.publicAddress6, port: settings.ports.switchEdge, upstreams: settings.ports.sipWs, tls: args.tls,
        byFamily: args.choice.kind === "freeswitch",
      }, args.certificates, args.images.secrets, child);
    }
  }
}

/** The switch itself, FreeSWITCH or the lab switch: both are given the same, but for voicemail. */
export function switchContainer(args: Pick<SoftswitchArgs, "stack" | "settings" | "choice" | "images" | "directoryUrls" | "peers" | "voicemailDirectory"> & { host: Omit<Host, "provider" | "edgeAddress"> }): ContainerPlan {
  const { ports, drainSeconds, domain } = args.settings;
  return {
    stack: args.stack,
    role: args.choice.kind,
    image: args.images.switch,
    environment: {
      HOUSELINE_WS_PORT: String(ports.sipWs),
      HOUSELINE_SIP_PORT: String(ports.sip),
      HOUSELINE_ESL_PORT: String(ports.esl),
      HOUSELINE_RTP_PORT: String(ports.rtp),
      HOUSELINE_PRIVATE_IP: args.host.privateAddress,
      HOUSELINE_PUBLIC_IP: args.host.publicAddress,
      ...(args.host.internalAddress !== undefined && { HOUSELINE_INTERNAL_IP: args.host.internalAddress }),
      ...(args.host.publicAddress6 !== undefined && { HOUSELINE_PUBLIC_IP6: args.host.publicAddress6 }),
      HOUSELINE_PEERS: args.peers.join(" "),
      HOUSELINE_DOMAIN: domain,
      HOUSELINE_DIRECTORY_URLS: args.directoryUrls.join(" "),
      HOUSELINE_DRAIN_SECONDS: String(drainSeconds),
    },
    volumes: args.choice.kind === "freeswitch" ? [{ hostPath: args.voicemailDirectory, containerPath: "/var/lib/houseline/voicemail" }] : [],
    memoryMegabytes: 2_048,
    urgent: true,
    stopSeconds: drainSeconds + afterDrainSeconds,
    healthySeconds: args.settings.healthySeconds,
  };
}

/**
 * The directory of each slot of each application server, as the switch is told it. It asks one after the other: a slot without a server refuses at once, a host that is
 * gone takes a second for each, so the same slot of all hosts comes before the next.
 */
export function directoryUrls(privateAddresses: readonly string[], base: number): string[] {
  return Array.from({ length: slots }, (_, slot) => privateAddresses.map((address) => `http://${address}:${base + slot}/directory`)).flat();
}
