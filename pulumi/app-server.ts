import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { labels, replaceOptions, service, type ContainerPlan } from "./containers.ts";
import { edge, type Certificates } from "./edge.ts";
import type { Host } from "./local-host.ts";
import { secretsContainer, type StackSecrets } from "./secrets.ts";
import type { Settings } from "./settings.ts";
import { applicationOrigin } from "./sites.ts";
import type { Tls } from "./tls.ts";

/** How the application server reaches a switch: slot N answers ESL at `eslPort + N`, browsers at `sipUrl/N`. */
export interface SwitchAddress { name: string; eslHost: string; eslPort: number; sipUrl: string }

export interface AppServerArgs {
  stack: string;
  host: Host;
  settings: Settings;
  secrets: StackSecrets;
  tls: Tls;
  certificates: Certificates;
  images: { appServer: string; edge: string; secrets: string };
  switches: readonly SwitchAddress[];
  /** Where browsers reach the relay; empty: there is none. */
  turnUrls: readonly string[];
  /** A directory of the host that belongs to uid 10001: the data of people. */
  dataDirectory: string;
}

/** It says goodbye to its sockets and exits within 10 s. */
const stopSeconds = 20;

/** WebSocket API and call control, and the edge before it, which serves the softphone too. */
export class AppServer extends pulumi.ComponentResource {
  constructor(name: string, args: AppServerArgs) {
    super("houseline:AppServer", name);
    const child = { parent: this, provider: args.host.provider };
    const { stack, settings } = args;

    const secrets = createSecrets();
    const slotVolume = createSlotVolume();
    createServer();
    createEdge();
    this.registerOutputs();

    function createSecrets() {
      return secretsContainer(`${name}-secrets`, stack, args.images.secrets, {
        "esl-password": args.secrets.eslPassword,
        "directory-password": args.secrets.directoryPassword,
        "demo-password": args.secrets.demoPassword,
        "admin-token": args.secrets.adminToken,
        "database-url": args.secrets.databaseUrl,
        "jwt-secret": args.secrets.jwtSecret,
        "turn-secret": args.secrets.turnSecret,
      }, child);
    }

    function createSlotVolume() {
      const volume = `${name}-slots`;
      return new docker.Volume(volume, { name: settings.volumes.appSlots ?? `houseline-${stack}-${volume}`, labels: labels(stack, volume) }, child);
    }

    function createServer() {
      const plan = serverContainer(args);
      const { volumes, ...rest } = service(plan);
      return new docker.Container(name, {
        ...rest,
        volumes: [
          ...volumes,
          { volumeName: slotVolume.name, containerPath: "/slots" },
          { fromContainer: secrets.name, readOnly: true },
        ],
      }, { ...child, ...replaceOptions(plan.stopSeconds) });
    }

    function createEdge() {
      return edge(`${name}-edge`, {
        stack, role: `${name}-edge`, kind: "application", image: args.images.edge, healthySeconds: settings.healthySeconds,
        site: settings.site, address: args.host.edgeAddress, address6: args.host.publicAddress6, port: settings.ports.applicationEdge, upstreams: settings.ports.app, tls: args.tls,
      }, args.certificates, args.images.secrets, child);
    }
  }
}

export function serverContainer(args: Pick<AppServerArgs, "stack" | "settings" | "images" | "switches" | "turnUrls" | "dataDirectory"> & { host: Pick<Host, "privateAddress"> }): ContainerPlan {
  const { ports, domain, origins, signIn, apiOrigins } = args.settings;
  return {
    stack: args.stack,
    role: "app-server",
    image: args.images.appServer,
    environment: {
      HOUSELINE_APP_PORT: String(ports.app),
      HOUSELINE_DIRECTORY_PORT: String(ports.directory),
      HOUSELINE_PRIVATE_IP: args.host.privateAddress,
      HOUSELINE_DOMAIN: domain,
      HOUSELINE_SWITCHES: JSON.stringify(args.switches),
      HOUSELINE_ORIGINS: [applicationOrigin(args.settings), ...(origins === undefined ? [] : [origins])].join(" "),
      ...(args.turnUrls.length === 0 ? {} : { HOUSELINE_TURN_URLS: args.turnUrls.join(" ") }),
      ...(apiOrigins === undefined ? {} : { HOUSELINE_API_ORIGINS: apiOrigins }),
      ...(signIn.jwksUrl === undefined ? {} : { HOUSELINE_JWKS_URL: signIn.jwksUrl }),
      ...(signIn.jwtIssuer === undefined ? {} : { HOUSELINE_JWT_ISSUER: signIn.jwtIssuer }),
      ...(signIn.jwtAudience === undefined ? {} : { HOUSELINE_JWT_AUDIENCE: signIn.jwtAudience }),
      HOUSELINE_JWT_CLOCK_SKEW: String(signIn.jwtClockSkewSeconds),
      HOUSELINE_JWT_EXTENSIONS: signIn.jwtExtensions,
    },
    volumes: [{ hostPath: args.dataDirectory, containerPath: "/data" }],
    memoryMegabytes: 512,
    stopSeconds,
    healthySeconds: args.settings.healthySeconds,
  };
}
