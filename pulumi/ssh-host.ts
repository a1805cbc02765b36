import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "./local-host.ts";
import type { StackHost } from "./stack-hosts.ts";

/** A Linux with Docker that one can log into: its Docker is reached by SSH, with the key that the configuration has of it. */
export class SshHost extends pulumi.ComponentResource implements Host {
  readonly provider: docker.Provider;
  readonly privateAddress: string;
  readonly publicAddress: string;
  readonly internalAddress: string | undefined;
  readonly publicAddress6: string | undefined;
  readonly edgeAddress: string;

  constructor(name: string, { client, addresses, ssh }: StackHost) {
    super("houseline:SshHost", name);
    this.provider = new docker.Provider(`${name}-docker`, { host: client.host, sshOpts: ["-F", ssh!.files.config] }, { parent: this });
    this.privateAddress = addresses.private;
    this.publicAddress = addresses.public;
    this.internalAddress = addresses.internal;
    this.publicAddress6 = addresses.public6;
    this.edgeAddress = addresses.edge;
    this.registerOutputs();
  }
}
