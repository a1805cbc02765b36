import { factsOf, unfitFor } from "../pulumi/host-facts.ts";
import { findings } from "../pulumi/host-findings.ts";
import { eachHost, type StackHost } from "../pulumi/stack-hosts.ts";
import { environment, loadSettings } from "./environment.ts";
import { Failure } from "./failure.ts";
import { hostsOf } from "./hosts.ts";
import { hostByLogin, loginOptions } from "./login.ts";
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

/** The hosts of a stack, and whether each can have its part of it. */
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
    say();
  }
  return good ? 0 : 1;
}

/** @returns whether nothing is missing */
export async function tellFindings(host: Pick<StackHost, "ssh">, prepare: string): Promise<boolean> {
  const list = findings(await factsOf(host), prepare, Date.now());
  for (const { state, sentence } of list) say(`${state.padEnd(8)} ${sentence}`);
  return list.every(({ state }) => state !== "missing");
}
