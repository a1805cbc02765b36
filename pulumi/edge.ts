import * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import { replaceOptions, service, type ContainerPlan } from "./containers.ts";

/** What an edge serves, and in front of what. */
export interface EdgePlan {
  stack: string;
  role: string;
  kind: "switch" | "application";
  image: string;
  healthySeconds: number;
  site: string;
  address: string;
  port: number;
  /** Base port of the slots behind it. */
  upstreams: number;
}

/** Long enough for the requests under way; sockets come back through the edge that took over. */
const stopSeconds = 15;

export function edgeContainer(plan: EdgePlan): ContainerPlan {
  return {
    stack: plan.stack,
    role: plan.role,
    image: plan.image,
    environment: {
      HOUSELINE_EDGE: plan.kind,
      HOUSELINE_SITE: `http://${plan.site}:${plan.port}`,
      HOUSELINE_BIND: plan.address,
      HOUSELINE_UPSTREAMS: String(plan.upstreams),
    },
    volumes: [],
    memoryMegabytes: plan.kind === "switch" ? 512 : 256,
    stopSeconds,
    healthySeconds: plan.healthySeconds,
  };
}

/** The way in: Caddy, and before a switch the gate of SIP messages. It has no slot, since two of them share the port while one takes over from the other. */
export function edge(name: string, plan: EdgePlan, options: pulumi.CustomResourceOptions): docker.Container {
  return new docker.Container(name, service(edgeContainer(plan)), { ...options, ...replaceOptions(stopSeconds) });
}
