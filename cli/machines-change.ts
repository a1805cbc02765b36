import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { OutputMap, Stack } from "@pulumi/pulumi/automation/index.js";
import { labelsOf } from "../pulumi/hcloud/names.ts";
import type { Settings } from "../pulumi/settings.ts";
import { isPassing, sentenceOf } from "./cloud-trouble.ts";
import { Diagnostics } from "./engine.ts";
import type { Environment } from "./environment.ts";
import { Failure } from "./failure.ts";
import { keyFiles } from "./known-machines.ts";
import { leftBehind } from "./left-behind.ts";
import { machinesStack, tokenOf, type Wanted } from "./machines-stack.ts";
import { backendDirectory, machinesProject } from "./stack-lock.ts";
import type { Note } from "./terminal.ts";

const serverType = "houseline:hcloud:Machines$hcloud:index/server:Server";
/** Pauses before it is tried again, beyond what the provider tries by itself: a server that is locked is free within these. */
const pausesMs = [2_000, 5_000, 15_000, 30_000];

/**
 * Has the engine make the servers what they should be. What the cloud refuses for the moment is asked for again, and what an earlier command made and
 * could not write down is taken over.
 *
 * @param continueOnError whether the rest is changed all the same when something can't be
 * @throws Failure with one sentence, where there is one for what the cloud answered
 */
export async function change(settings: Settings, environment: Environment, wanted: Omit<Wanted, "adopted">, note: Note = () => undefined, continueOnError = false): Promise<OutputMap> {
  const replace = wanted.replace === undefined ? {} : { replace: [`urn:pulumi:${environment.stack}::${machinesProject}::${serverType}::${wanted.replace}-server`] };
  const { isKilled } = leftUndone(environment);
  let adopted = isKilled ? await toAdopt(settings, environment) : {};
  for (let attempt = 0; ; attempt++) {
    const isAdopting = Object.keys(adopted).length > 0;
    if (isAdopting) note("taking over what an earlier command made");
    const stack = await machinesStack(settings, environment, { ...wanted, adopted });
    const diagnostics = new Diagnostics();
    try {
      const { outputs } = await stack.up({ ...replace, continueOnError, refresh: leftUndone(environment).isHalf, suppressProgress: true, suppressOutputs: true, onEvent: diagnostics.listen });
      if (!isAdopting) return outputs;
      // They are as the earlier command left them: the next update finishes them.
      adopted = {};
    } catch (error) {
      const mayPass = isPassing(diagnostics.errors);
      const pause = pausesMs[attempt];
      if (pause === undefined || (isAdopting && !mayPass)) throw failureOf(diagnostics, error, settings, environment);
      adopted = await toAdopt(settings, environment);
      if (Object.keys(adopted).length > 0) continue;
      if (!mayPass) throw failureOf(diagnostics, error, settings, environment);
      note("the cloud is busy: trying again");
      await delay(pause * (0.8 + Math.random() * 0.4));
    }
  }
}

/** Ends the servers and all that is around them, also where the last command could not make everything. */
export async function end(settings: Settings, environment: Environment): Promise<void> {
  const unprotected = { ...settings, hosts: { ...settings.hosts, hcloud: { ...settings.hosts.hcloud, deleteProtection: false } } };
  // Takes the protection of each away; what still can't be made need not be made to be ended.
  const failure: unknown = await change(unprotected, environment, {}, undefined, true).then(() => undefined, (error: unknown) => error);
  await destroy(unprotected, environment).catch((error: unknown) => { throw failure ?? error; });
}

async function destroy(settings: Settings, environment: Environment): Promise<void> {
  const stack = await machinesStack(settings, environment, {});
  for (let attempt = 0; ; attempt++) {
    const diagnostics = new Diagnostics();
    try {
      await stack.destroy({ suppressProgress: true, suppressOutputs: true, onEvent: diagnostics.listen });
      return;
    } catch (error) {
      const pause = pausesMs[attempt];
      if (pause === undefined || !isPassing(diagnostics.errors)) throw failureOf(diagnostics, error, settings, environment);
      await delay(pause * (0.8 + Math.random() * 0.4));
    }
  }
}

function failureOf(diagnostics: Diagnostics, error: unknown, settings: Settings, { stack }: Environment): Failure {
  const sentence = sentenceOf(diagnostics.errors, settings, stack);
  return sentence === undefined ? diagnostics.failure(error) : new Failure(sentence);
}

/**
 * What an earlier command didn't bring to its end, as the engine's state tells: `isHalf` when something was made and not set up to its end, which a
 * look at what it really is finds; `isKilled` when something was being made that the state doesn't have.
 */
function leftUndone(environment: Environment): { isHalf: boolean; isKilled: boolean } {
  const file = join(backendDirectory(environment), ".pulumi", "stacks", machinesProject, `${environment.stack}.json`);
  const state = existsSync(file) ? readFileSync(file, "utf8") : "";
  return { isHalf: state.includes('"initErrors"'), isKilled: state.includes('"pending_operations"') };
}

interface EngineState { resources?: { urn: string }[]; pending_operations?: unknown[] }

/** Ids of what is at the cloud and not in the engine's state, which then needs to remember no more what was being made. */
async function toAdopt(settings: Settings, environment: Environment): Promise<Record<string, string>> {
  const stack: Stack = await machinesStack(settings, environment, {});
  const state = await stack.exportStack();
  const { resources = [], ...rest } = state.deployment as EngineState;
  if (rest.pending_operations) await stack.importStack({ ...state, deployment: { resources, ...rest, pending_operations: [] } });
  const known = new Set(resources.map(({ urn }) => urn.split("::").at(-1)!));
  const labels = labelsOf(environment.stack, { softswitch: { publicKey: keyFiles(environment, "softswitch").publicKey() } });
  return leftBehind({ token: tokenOf(settings), stack: environment.stack, labels, network: settings.hosts.hcloud.network }, known);
}
