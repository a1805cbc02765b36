import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { labels, replaceOptions, service, type ContainerPlan } from "./containers.ts";
import { certificatesPath, type Certificates } from "./edge.ts";
import type { Host } from "./local-host.ts";
import { relayPorts } from "./port-ranges.ts";
import { secretsContainer, type StackSecrets } from "./secrets.ts";
import type { Settings } from "./settings.ts";
import type { Tls } from "./tls.ts";
import { turnSiteOf } from "./turn-settings.ts";

export interface TurnArgs {
  stack: string;
  host: Host;
  settings: Settings;
  secrets: StackSecrets;
  /** What proves its name; without TLS (on a developer's machine) it is reached by plain TCP alone. */
  tls: Tls;
  /** Those of its host's edge, which gets them by ACME. */
  certificates: Certificates;
  images: { turn: string; secrets: string };
  /** Addresses of the switches' media: it forwards to nothing else. */
  peers: readonly string[];
}

/** Seconds that it may take to end after its drain limit. */
const afterDrainSeconds = 30;

/** The relay (TURN, RFC 8656) for offices that block UDP. A release that is replaced keeps its calls until they end. */
export class Turn extends pulumi.ComponentResource {
  constructor(name: string, args: TurnArgs) {
    super("houseline:Turn", name);
    const child = { parent: this, provider: args.host.provider };
    const { stack, settings, tls } = args;

    const secrets = createSecrets();
    const slotVolume = createSlotVolume();
    createRelay();
    this.registerOutputs();

    function createSecrets() {
      return secretsContainer(`${name}-secrets`, stack, args.images.secrets, { "turn-secret": args.secrets.turnSecret, ...(tls.kind === "acme" ? {} : tls.files) }, child);
    }

    function createSlotVolume() {
      const volume = `${name}-slots`;
      return new docker.Volume(volume, { name: settings.volumes.turnSlots ?? `houseline-${stack}-${volume}`, labels: labels(stack, volume) }, child);
    }

    function createRelay() {
      const plan = turnContainer(args);
      const { volumes, ...rest } = service(plan);
      return new docker.Container(name, {
        ...rest,
        volumes: [
          ...volumes,
          { volumeName: slotVolume.name, containerPath: "/slots" },
          ...(args.certificates ? [{ volumeName: args.certificates.name, containerPath: certificatesPath, readOnly: true }] : []),
          { fromContainer: secrets.name, readOnly: true },
        ],
      }, { ...child, ...replaceOptions(plan.stopSeconds) });
    }
  }
}

export function turnContainer(args: Pick<TurnArgs, "stack" | "settings" | "images" | "peers"> & { host: Pick<Host, "publicAddress" | "internalAddress">; tls?: Tls }): ContainerPlan {
  const { ports, drainSeconds, domain, turn, healthySeconds } = args.settings;
  // It speaks to the switch beside it, from the host's own address: no NAT is between the two.
  const own = args.host.internalAddress ?? args.host.publicAddress;
  const isSecure = args.tls !== undefined && args.tls.kind !== "off";
  return {
    stack: args.stack,
    role: "turn",
    image: args.images.turn,
    environment: {
      HOUSELINE_TURN_ADDRESS: turn.address ?? own,
      HOUSELINE_TURN_PORT: String(ports.turn),
      ...(isSecure ? { HOUSELINE_TURN_TLS_PORT: String(ports.turnTls), HOUSELINE_TLS: args.tls!.kind, HOUSELINE_TURN_SITE: turnSiteOf(args.settings) } : {}),
      HOUSELINE_TURN_PEERS: args.peers.join(" "),
      HOUSELINE_TURN_LOCAL_PORT: String(ports.turnLocal),
      HOUSELINE_RELAY_ADDRESS: own,
      HOUSELINE_RELAY_PORT: String(ports.turnRelay),
      HOUSELINE_RELAY_PORTS: String(relayPorts),
      HOUSELINE_DOMAIN: domain,
      HOUSELINE_DRAIN_SECONDS: String(drainSeconds),
    },
    volumes: [],
    memoryMegabytes: 512,
    urgent: true,
    stopSeconds: drainSeconds + afterDrainSeconds,
    healthySeconds,
  };
}
