import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { DockerClient } from "./docker-cli.ts";
import type { Settings } from "./settings.ts";

/** A host offers a Docker and addresses; services don't know which kind of host they run on. */
export interface Host {
  provider: docker.Provider;
  privateAddress: string;
  publicAddress: string;
  /** What the public address is translated to, behind a NAT. */
  internalAddress?: string | undefined;
  /** The public address of IPv6, where it serves that too. */
  publicAddress6?: string | undefined;
  edgeAddress: string;
}

/** This machine's own Docker. */
export class LocalHost extends pulumi.ComponentResource implements Host {
  readonly provider: docker.Provider;
  readonly privateAddress: string;
  readonly publicAddress: string;
  readonly internalAddress: string | undefined;
  readonly publicAddress6: string | undefined;
  readonly edgeAddress: string;

  constructor(name: string, client: DockerClient, addresses: Settings["addresses"]) {
    super("houseline:LocalHost", name);
    this.provider = new docker.Provider(`${name}-docker`, { host: client.host ?? "unix:///var/run/docker.sock" }, { parent: this });
    this.privateAddress = addresses.private;
    this.publicAddress = addresses.public;
    this.internalAddress = addresses.internal;
    this.publicAddress6 = addresses.public6;
    this.edgeAddress = addresses.edge;
    this.registerOutputs();
  }
}
