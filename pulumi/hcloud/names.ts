import { createHash } from "node:crypto";
import { machineNames, type MachineName } from "./addresses.ts";
import type { HostKey } from "./cloud-init.ts";

/** Paths of the API whose things have a name that is unique in a project. */
export type Kind = "ssh_keys" | "networks" | "placement_groups" | "primary_ips" | "firewalls" | "servers";

/** Something of a stack: what it is in the program (`softswitch-server`), and at the cloud. */
export interface Named { resource: string; kind: Kind; name: string }

/** All that a stack may have at Hetzner Cloud by a name. */
export function namesOf(stack: string): Named[] {
  const ofStack = (resource: string, kind: Kind): Named => ({ resource, kind, name: `houseline-${stack}` });
  const ofMachine = (machine: MachineName): Named[] => [
    { resource: `${machine}-firewall`, kind: "firewalls", name: `houseline-${stack}-${machine}` },
    { resource: `${machine}-server`, kind: "servers", name: `houseline-${stack}-${machine}` },
    ...["ipv4", "ipv6"].map((type): Named => ({ resource: `${machine}-${type}`, kind: "primary_ips", name: `houseline-${stack}-${machine}-${type}` })),
  ];
  return [
    ofStack("machines-key", "ssh_keys"), ofStack("machines-network", "networks"), ofStack("machines-placement", "placement_groups"),
    ...machineNames.flatMap(ofMachine),
  ];
}

/** Label of everything: the stack, and where it is administrated from. Two who give their stacks one name don't take each other's servers for their own. */
export function labelsOf(stack: string, hostKeys: { softswitch: Pick<HostKey, "publicKey"> }): Record<string, string> {
  return { "houseline-stack": stack, "houseline-origin": createHash("sha256").update(hostKeys.softswitch.publicKey).digest("hex").slice(0, 12) };
}
