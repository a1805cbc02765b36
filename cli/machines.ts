import { setTimeout as delay } from "node:timers/promises";
import { machineNames, whatIsOn, type MachineName } from "../pulumi/hcloud/addresses.ts";
import { readyFile } from "../pulumi/hcloud/cloud-init.ts";
import { Refusal } from "../pulumi/refusal.ts";
import type { Settings } from "../pulumi/settings.ts";
import { eachHost, runThere, stackHosts, type StackHost } from "../pulumi/stack-hosts.ts";
import type { Environment } from "./environment.ts";
import { Failure } from "./failure.ts";
import { knownFile, machineNamesOf, withMachines, type Known } from "./known-machines.ts";
import { change } from "./machines-change.ts";
import { sitesOf } from "./machines-stack.ts";
import { dockerClient } from "./setup/docker-engine.ts";
import { say, step } from "./terminal.ts";
import { writeWhole } from "./whole-file.ts";

const whose = (name: MachineName) => `the ${whatIsOn(name)}`;
/** Starting, the network, Debian's packages. */
const readySeconds = 900;
const firstPauseMs = 2_000;
const mostPauseMs = 15_000;

/**
 * Makes the servers of a stack at Hetzner Cloud, or changes what of them can be changed, and waits until they are ready.
 *
 * @param replace the one that is to be made anew
 */
export async function makeMachines(settings: Settings, environment: Environment, replace?: MachineName): Promise<void> {
  if (replace !== undefined && !machineNamesOf(settings).includes(replace)) throw new Failure(`'--replace-host ${replace}': the stack has no server of its own for ${whose(replace)} ('houseline:hosts.hcloud.servers' is ${settings.hosts.hcloud.servers}, 'houseline:hosts.hcloud.applicationServers' ${settings.hosts.hcloud.applicationServers}). Nothing was changed.`);
  const outputs = await step("Servers at Hetzner Cloud", async (note) => {
    if (replace !== undefined) {
      // The cloud itself refuses to end a protected server.
      note("taking its protection away");
      await change(settings, environment, { unprotected: replace }, note);
      note(`making ${replace} anew`);
      await change(settings, environment, { unprotected: replace, replace }, note);
    }
    return change(settings, environment, {}, note);
  });
  const known = Object.fromEntries(machineNames.flatMap((name) => (outputs[name] ? [[name, outputs[name].value as unknown]] : []))) as unknown as Known;
  writeWhole(knownFile(environment), `${JSON.stringify(known)}\n`);
  for (const name of machineNamesOf(settings)) say(`  ${sitesOf(settings)[name]} is to lead to ${known[name]!.public} (an A record) and to ${known[name]!.ipv6} (AAAA).`);
  tellOtherSetups(known, settings, environment);
  for (const host of eachHost(await stackHosts(withMachines(settings, environment), environment.directory, dockerClient()))) await step(`${host.name}: first start`, (note) => ready(host, note));
}

function tellOtherSetups(known: Known, settings: Settings, { stack }: Environment): void {
  for (const name of machineNamesOf(settings)) {
    const { setup, wantedSetup, public: address } = known[name]!;
    if (setup === wantedSetup) continue;
    say(`  The host of ${whose(name)} was made with another set-up than a new one would be (image or first start): it stays as it is. './houseline prepare root@${address}' brings it up to date in place; './houseline up ${stack} --replace-host ${name}' makes it anew, without what is on its disk.`);
  }
}

/** A host that starts answers late, and reports once; its own words when its first start failed. */
async function ready(host: StackHost, note: (what: string) => void): Promise<void> {
  let pause = firstPauseMs;
  for (const end = Date.now() + readySeconds * 1_000; ; pause = Math.min(pause * 1.5, mostPauseMs)) {
    const report = await runThere(host, `cat ${readyFile} 2> /dev/null`, { timeoutSeconds: 60 }).then(({ stdout }) => stdout.trim(), (error: unknown) => {
      // Another key will not become the right one.
      if (!(error instanceof Refusal) || /another key/.test(error.message)) throw error;
      return undefined;
    });
    if (report === "ready") return;
    if (report) throw new Failure(`The first start of ${host.name} failed:\n${report.split("\n").map((line) => `  ${line}`).join("\n")}\nMend it there and type './houseline prepare ${host.name}', then write 'ready' into ${readyFile}; or make it anew with --replace-host.`);
    if (Date.now() > end) throw new Failure(`${host.name} was not ready within ${readySeconds / 60} minutes. Its console shows how its start went.`);
    note(report === undefined ? "starting" : "setting itself up");
    await delay(pause * (0.8 + Math.random() * 0.4));
  }
}
