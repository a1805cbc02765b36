import { factsOf, unfitFor } from "../pulumi/host-facts.ts";
import { refuseSilent } from "../pulumi/ssh.ts";
import { stackHosts, type StackHost, type StackHosts } from "../pulumi/stack-hosts.ts";
import type { Settings } from "../pulumi/settings.ts";
import type { Environment } from "./environment.ts";
import { Failure } from "./failure.ts";
import { withMachines } from "./known-machines.ts";
import { dockerClient } from "./setup/docker-engine.ts";

/** The hosts of a stack. */
export function hostsOf(settings: Settings, environment: Environment): Promise<StackHosts> {
  return stackHosts(withMachines(settings, environment), environment.directory, dockerClient());
}

/** Seconds for a host to answer; as its configuration for SSH has it. */
const answerSeconds = 10;

/** Refuses another machine that can't be reached, or can't have its part of the stack; this machine's set-up sees to itself. */
export async function refuseUnprepared(host: StackHost, settings: Settings): Promise<void> {
  if (!host.ssh) return;
  await refuseSilent(host.ssh.host, host.ssh.files, answerSeconds);
  const sentence = unfitFor(host, await factsOf(host), settings);
  if (sentence !== undefined) throw new Failure(`${sentence} Nothing was changed.`);
}
