import * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import { bracketed } from "./ip6.ts";
import { labels, replaceOptions, service, type ContainerPlan } from "./containers.ts";
import { secretsContainer } from "./secrets.ts";
import type { Tls } from "./tls.ts";

/** What an edge serves, and in front of what. */
export interface EdgePlan {
  stack: string;
  role: string;
  kind: "switch" | "application";
  image: string;
  healthySeconds: number;
  /** Name that browsers use. */
  site: string;
  address: string;
  /** The host's public address of IPv6, by which it is to be reached too. */
  address6?: string | undefined;
  port: number;
  /** What proves the name; plain http unless given. */
  tls?: Tls;
  /** Base port of the slots behind it. */
  upstreams: number;
  /** Whether the switch behind it has a profile of its own for who comes by IPv6. */
  byFamily?: boolean;
}

/**
 * Long enough for the requests under way; sockets come back through the edge that took over. Before a switch it waits for the calls that are being
 * set up (app/sip-gate/bounds.ts, "drainMs").
 */
const stopSeconds = { application: 15, switch: 140 } as const;

/** Where an edge keeps what it got by ACME: its account, certificates and their keys. */
export const certificatesPath = "/var/lib/houseline/certificates";

/**
 * What the edges of a host share of ACME: so one that takes over from another has its certificates at once, and one that listens on another port
 * than 443 gets its own by the one that listens there.
 */
export type Certificates = docker.Volume | undefined;

export function certificatesVolume(name: string, stack: string, tls: Tls, options: pulumi.CustomResourceOptions): Certificates {
  return tls.kind === "acme" ? new docker.Volume(name, { name: `houseline-${stack}-${name}`, labels: labels(stack, name) }, options) : undefined;
}

/** Where a switch's slots answer for browsers that come by IPv6, at the same ports. (images/freeswitch/conf/optional/ipv6.xml) */
const ipv6Upstream = "127.0.0.2";

/** An edge that listens on every address of IPv4 does so of IPv6. (Caddyfile, `bind`) */
function bindOf({ address, address6 }: Pick<EdgePlan, "address" | "address6">): string {
  return address6 === undefined ? address : `${address} tcp6/${bracketed(address === "0.0.0.0" ? "::" : address6)}`;
}

export function edgeContainer(plan: EdgePlan): ContainerPlan {
  const secure = plan.tls !== undefined && plan.tls.kind !== "off";
  return {
    stack: plan.stack,
    role: plan.role,
    image: plan.image,
    environment: {
      HOUSELINE_EDGE: plan.kind,
      HOUSELINE_SITE: `${secure ? "https" : "http"}://${plan.site}:${plan.port}`,
      ...(secure ? { HOUSELINE_TLS: plan.tls!.kind, ...plan.tls!.environment } : {}),
      HOUSELINE_BIND: bindOf(plan),
      ...(plan.byFamily && plan.address6 !== undefined && { HOUSELINE_IPV6_UPSTREAM: ipv6Upstream }),
      HOUSELINE_UPSTREAMS: String(plan.upstreams),
    },
    volumes: [],
    memoryMegabytes: plan.kind === "switch" ? 512 : 256,
    stopSeconds: stopSeconds[plan.kind],
    healthySeconds: plan.healthySeconds,
  };
}

/** The way in: Caddy, and before a switch the gate of SIP messages. It has no slot, since two of them share the port while one takes over from the other. */
export function edge(name: string, plan: EdgePlan & { tls: Tls }, certificates: Certificates, secretsImage: string, options: pulumi.CustomResourceOptions): docker.Container {
  const { volumes, ...rest } = service(edgeContainer(plan));
  const { files } = plan.tls;
  // Changed certificates replace it, and the edge with it.
  const secrets = Object.keys(files).length === 0 ? undefined : secretsContainer(`${name}-secrets`, plan.stack, secretsImage, files, options, `${plan.role}-secrets`);
  return new docker.Container(name, {
    ...rest,
    volumes: [
      ...volumes,
      ...(certificates ? [{ volumeName: certificates.name, containerPath: certificatesPath }] : []),
      ...(secrets ? [{ fromContainer: secrets.name, readOnly: true }] : []),
    ],
  }, { ...options, ...replaceOptions(stopSeconds[plan.kind]) });
}
