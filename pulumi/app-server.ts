import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { labels, replaceOptions, service, type ContainerPlan } from "./containers.ts";
import { edge, type Certificates } from "./edge.ts";
import type { Host } from "./local-host.ts";
import { secretsContainer, type StackSecrets } from "./secrets.ts";
import type { Settings } from "./settings.ts";
import { applicationOrigins, controlUrls } from "./sites.ts";
import type { Tls } from "./tls.ts";

/** How the application server reaches a switch: slot N answers ESL at `eslPort + N`, browsers at `sipUrl/N`. */
export interface SwitchAddress { name: string; eslHost: string; eslPort: number; sipUrl: string }

export interface AppServerArgs {
  stack: string;
  host: Host;
  settings: Settings;
  secrets: StackSecrets;
  tls: Tls;
  /** Name of its edge. */
  site: string;
  /** Another one, which is replaced and healthy before anything of this one is made, and whose old release goes after this one's. */
  after?: AppServer | undefined;
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

/** Roles of its containers, the same on every host. */
const role = "app-server";

/** What the resources of an application server besides the first are named by: not by its place in the list, so that those after one that goes keep what they have. */
export const moreName = (site: string) => `${role}-${site}`;

/**
 * WebSocket API and call control, and the edge before it, which serves the softphone too. One on another host differs in the names of its resources; roles of
 * containers are the same on every host.
 */
export class AppServer extends pulumi.ComponentResource {
  readonly #running: readonly docker.Container[];

  constructor(name: string, args: AppServerArgs) {
    super("houseline:AppServer", name);
    const child = { parent: this, provider: args.host.provider, ...(args.after && { dependsOn: [...args.after.#running] }) };
    const { stack, settings } = args;

    const secrets = createSecrets();
    const slotVolume = createSlotVolume();
    this.#running = [createServer(), createEdge()];
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
      }, child, `${role}-secrets`);
    }

    function createSlotVolume() {
      const volume = `${role}-slots`;
      return new docker.Volume(`${name}-slots`, { name: settings.volumes.appSlots ?? `houseline-${stack}-${volume}`, labels: labels(stack, volume) }, {
        // Under another name of its server it has the locks of the release that is replaced.
        ...child, retainOnDelete: args.after !== undefined,
      });
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
        stack, role: `${role}-edge`, kind: "application", image: args.images.edge, healthySeconds: settings.healthySeconds,
        site: args.site, address: args.host.edgeAddress, address6: args.host.publicAddress6, port: settings.ports.applicationEdge, upstreams: settings.ports.app, tls: args.tls,
      }, args.certificates, args.images.secrets, child);
    }
  }
}

export function serverContainer(args: Pick<AppServerArgs, "stack" | "settings" | "site" | "images" | "switches" | "turnUrls" | "dataDirectory"> & { host: Pick<Host, "privateAddress"> }): ContainerPlan {
  const { ports, domain, origins, signIn, apiOrigins } = args.settings;
  const servers = controlUrls(args.settings, args.site);
  return {
    stack: args.stack,
    role,
    image: args.images.appServer,
    environment: {
      HOUSELINE_APP_PORT: String(ports.app),
      HOUSELINE_DIRECTORY_PORT: String(ports.directory),
      HOUSELINE_PRIVATE_IP: args.host.privateAddress,
      HOUSELINE_DOMAIN: domain,
      HOUSELINE_SWITCHES: JSON.stringify(args.switches),
      // A page of one may be at another.
      HOUSELINE_ORIGINS: [...applicationOrigins(args.settings), ...(origins === undefined ? [] : [origins])].join(" "),
      ...(servers.length === 1 ? {} : { HOUSELINE_SERVERS: servers.join(" ") }),
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
