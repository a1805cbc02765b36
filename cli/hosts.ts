import { factsOf, unfitFor } from "../pulumi/host-facts.ts";
import { Refusal } from "../pulumi/refusal.ts";
import { refuseSilent } from "../pulumi/ssh.ts";
import { applicationHosts, stackHosts, type StackHost, type StackHosts } from "../pulumi/stack-hosts.ts";
import type { Settings } from "../pulumi/settings.ts";
import type { Environment } from "./environment.ts";
import { Failure } from "./failure.ts";
import { withMachines } from "./known-machines.ts";
import { dockerClient } from "./setup/docker-engine.ts";

/** The hosts of a stack. */
export function hostsOf(settings: Settings, environment: Environment): Promise<StackHosts> {
  return stackHosts(withMachines(settings, environment), environment.directory, dockerClient());
}

/** For one of several hosts to answer, when the others can do or be told about meanwhile. */
export const answerSeconds = 8;

/**
 * Of the hosts with an application server the first that answers: all have the same database.
 *
 * @returns the last, when none does: what is wrong with it says who asks it something
 */
export async function answeringApplication(hosts: Pick<StackHosts, "application" | "moreApplications">): Promise<StackHost> {
  const all = applicationHosts(hosts);
  const last = all.pop()!;
  for (const host of all) {
    try {
      if (host.ssh) await refuseSilent(host.ssh.host, host.ssh.files, answerSeconds);
      return host;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }
  return last;
}

/** Refuses another machine that can't have its part of the stack; this machine's set-up sees to itself. */
export async function refuseUnprepared(host: StackHost, settings: Settings): Promise<void> {
  if (!host.ssh) return;
  await refuseSilent(host.ssh.host, host.ssh.files, answerSeconds);
  const sentence = unfitFor(host, await factsOf(host), settings);
  if (sentence !== undefined) throw new Failure(`${sentence} Nothing was changed.`);
}
