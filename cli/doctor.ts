import { factsOf, unfitFor } from "../pulumi/host-facts.ts";
import { findings, type Finding } from "../pulumi/host-findings.ts";
import { mediaAddressOf } from "../pulumi/placement.ts";
import type { Settings } from "../pulumi/settings.ts";
import { stackContainers } from "../pulumi/stack-containers.ts";
import { eachHost, type StackHost } from "../pulumi/stack-hosts.ts";
import { doorFindings } from "./doors.ts";
import { environment, loadSettings, type Environment } from "./environment.ts";
import { Failure } from "./failure.ts";
import { hostsOf } from "./hosts.ts";
import { hostByLogin, loginOptions } from "./login.ts";
import { mediaFindings } from "./media-probe/findings.ts";
import { isWayless, probeMedia } from "./media-probe/probe.ts";
import { respondIn } from "./media-probe/there.ts";
import { readOptions, stackOptions } from "./options.ts";
import { forTesting, useOwnTools } from "./setup/index.ts";
import { say } from "./terminal.ts";

/** `./houseline doctor [stack | root@host]`: each prerequisite of this machine, of a host, or of a stack's hosts, found or missing, with what mends it. Changes nothing. */
export async function doctor(args: string[]): Promise<number> {
  const { values, positionals: [what] } = readOptions("doctor", args, { ...stackOptions, ...loginOptions }, 1, "[STACK | root@HOST]");
  useOwnTools();
  if (what === undefined) return doctorHere();
  if (what.includes("@")) return await tellFindings(await hostByLogin("doctor", what, values), `./houseline prepare ${what}`) ? 0 : 1;
  return doctorOf(what, values.config);
}

async function doctorHere(): Promise<number> {
  say(`found    Node.js: ${process.version} at ${process.execPath}`);
  say("found    npm dependencies of the lock file");
  let missing = 0;
  for (const prerequisite of forTesting) {
    const found = await prerequisite.find();
    if (found === undefined) missing++;
    say(found === undefined ? `missing  ${prerequisite.name}: type ${prerequisite.mend}` : `found    ${prerequisite.name}: ${found}`);
  }
  return conclude(missing);
}

function conclude(missing: number): number {
  say();
  say(missing === 0 ? "Everything is here." : `${missing} missing. Nothing was changed.`);
  return missing === 0 ? 0 : 1;
}

/** The hosts of a stack: whether each can have its part of it, and whether people get through to what runs there. */
async function doctorOf(stack: string, configuration: string | undefined): Promise<number> {
  const target = environment(stack, configuration);
  const settings = loadSettings(target);
  if (settings.hosts.kind === "local") throw new Failure(`The stack '${stack}' runs on this machine: './houseline doctor' alone looks at that.`);
  let good = true;
  for (const host of eachHost(await hostsOf(settings, target))) {
    say(`${host.name}:`);
    good = await tellFindings(host, `./houseline prepare ${host.name}`) && good;
    const unfit = unfitFor(host, await factsOf(host), settings);
    if (unfit !== undefined) say(`missing  ${unfit}`);
    good &&= unfit === undefined;
    if (unfit === undefined) good = tell(await throughFindings(host, settings, target)) && good;
    say();
  }
  return good ? 0 : 1;
}

/** What gets through to a host from here, as it does from people's browsers: connections to its edges and relay, and media. */
async function throughFindings(host: StackHost, settings: Settings, { stack, directory }: Environment): Promise<Finding[]> {
  const edge = (await stackContainers([host.client], stack)).findLast(({ role, state }) => role.endsWith("-edge") && state === "running");
  if (edge === undefined) return [{ state: "advice", sentence: `whether people get through was not looked at: nothing of '${stack}' runs there ('./houseline up ${stack}')` }];
  const { public: address, public6 } = host.addresses;
  const key = `houseline:hosts.${host.servers === "standby" ? "standby" : "softswitch"}`;
  const media = host.servers === "application" ? [] : [
    probed(host, edge.id, settings.ports.rtp, { address, local: mediaAddressOf(host.addresses), setting: `${key}.public` }),
    ...(public6 === undefined ? [] : [probed(host, edge.id, settings.ports.rtp, { address: public6, local: public6, setting: `${key}.public6` })]),
  ];
  return (await Promise.all([...media, doorFindings(host, settings, directory)])).flat();
}

/** An edge has Node and the host's network: what answers the probe runs in its container, and is gone with it. */
async function probed({ client }: StackHost, edge: string, firstPort: number, { address, local, setting }: { address: string; local: string; setting: string }): Promise<Finding[]> {
  try {
    const outcomes = await probeMedia({ address, local, firstPort }, (task) => respondIn(client, edge, task));
    return mediaFindings(outcomes, { address, firstPort, setting });
  } catch (error) {
    if (address.includes(":") && isWayless(error)) return [{ state: "advice", sentence: `media to ${address} was not tried: this machine has no way to addresses of IPv6` }];
    return [{ state: "missing", sentence: `media: whether it gets through to ${address} could not be tried on the host (${(error as Error).message})` }];
  }
}

/** @returns whether nothing is missing */
export async function tellFindings(host: Pick<StackHost, "ssh">, prepare: string): Promise<boolean> {
  return tell(findings(await factsOf(host), prepare, Date.now()));
}

function tell(list: readonly Finding[]): boolean {
  for (const { state, sentence } of list) say(`${state.padEnd(8)} ${sentence}`);
  return list.every(({ state }) => state !== "missing");
}
