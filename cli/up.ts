import { chooseSwitch } from "../pulumi/switch-choice.ts";
import { requireSecrets } from "../pulumi/secrets.ts";
import { deploy, type Deployed } from "./deploy.ts";
import { loadSettings, type Environment } from "./environment.ts";
import { environmentOf, readOptions, stackOptions } from "./options.ts";
import { Failure } from "./failure.ts";
import { giveWay } from "./give-way.ts";
import type { Patience } from "./slots.ts";
import { neededBy, setUp } from "./setup/index.ts";
import { holdingLock } from "./stack-lock.ts";
import { machineNames, whatIsOn, type MachineName } from "../pulumi/hcloud/addresses.ts";
import { confirm, say } from "./terminal.ts";
import type { Settings } from "../pulumi/settings.ts";

/** Who can sign in to a fresh stack; the application server makes them. */
const demoPeople = ["anna", "boris"];

/** `./houseline up [stack]`: set-up, images, deployment; then where to go. */
export async function up(args: string[]): Promise<number> {
  return deployCommand("up", args);
}

/** `./houseline upgrade [stack]`: `up`, telling who still talks on an old release. */
export async function upgrade(args: string[]): Promise<number> {
  return deployCommand("upgrade", args);
}

/** Options of every command that deploys. */
export const deployOptions = { ...stackOptions, "yes": { type: "boolean" }, "no-wait": { type: "boolean" }, "wait-for-slot": { type: "boolean" }, "end-after": { type: "string" } } as const;
const upOptions = { ...deployOptions, "replace-host": { type: "string" } } as const;

export function patienceOf(values: { "wait-for-slot"?: boolean; "end-after"?: string }): Patience {
  const seconds = values["end-after"];
  if (seconds === undefined) return values["wait-for-slot"] ? "wait" : "ask";
  if (!/^\d{1,5}$/.test(seconds)) throw new Failure(`--end-after takes seconds, such as 300; it was given '${seconds}'.`);
  return Number(seconds);
}

async function deployCommand(command: string, args: string[]): Promise<number> {
  const parsed = readOptions(command, args, upOptions, 1);
  const target = environmentOf(parsed);
  // Everything that can be refused is refused before anything is got.
  const settings = loadSettings(target);
  requireSecrets(settings);
  const choice = chooseSwitch(settings);
  giveWay();
  await setUp(neededBy(settings), { yes: parsed.values.yes ?? false });
  say(`Deploying '${target.stack}' with ${choice.kind === "freeswitch" ? "FreeSWITCH" : "the lab switch"}: ${choice.why}.`);
  const replace = replaced(parsed.values["replace-host"]);
  if (replace !== undefined) await agreeToReplace(parsed.values.yes ?? false, replace);
  const result = await holdingLock(target, `./houseline ${command}`, async () => {
    await machinesOf(settings, target, replace);
    return deploy(target, settings, { command, wait: !parsed.values["no-wait"], patience: patienceOf(parsed.values) });
  });
  report(result, settings);
  return 0;
}

/** Servers that are to be made first; what that takes is loaded for such stacks alone. */
async function machinesOf(settings: Settings, target: Environment, replace: MachineName | undefined): Promise<void> {
  if (settings.hosts.kind === "hcloud") return (await import("./machines.ts")).makeMachines(settings, target, replace);
  if (replace !== undefined) throw new Failure("'--replace-host' makes a server of Hetzner Cloud anew, and this stack's hosts are others.");
}

function replaced(name: string | undefined): MachineName | undefined {
  const known = machineNames.find((one) => one === name);
  if (name === undefined || known !== undefined) return known;
  throw new Failure(`--replace-host takes ${machineNames.slice(0, -1).join(", ")} or ${machineNames.at(-1)}; it was given '${name}'.`);
}

async function agreeToReplace(yes: boolean, name: MachineName): Promise<void> {
  if (yes) return;
  const agreed = await confirm(`Make the host of the ${whatIsOn(name)} anew, and lose what is on its disk (${name === "softswitch" || name === "standby" ? "voicemail and every call on it" : "people, messages and history, unless they are in PostgreSQL"})?`);
  if (agreed === undefined) throw new Failure("'--replace-host' asks before it ends a server, and nobody can be asked here. Add --yes.");
  if (!agreed) throw new Failure("Nothing was changed.");
}

export function report({ outputs, changes, drainingLeft }: Deployed, settings: Settings): void {
  if (changes === 0) say("  Nothing to change.");
  if (drainingLeft) say("  The old release finishes its calls by itself; './houseline status' shows it.");
  say();
  say(`  Softphone    ${outputs.page}`);
  for (const page of outputs.morePages?.split(" ") ?? []) say(`               ${page}`);
  say(`  Switch       ${outputs.sip} (${outputs.switch === "freeswitch" ? "FreeSWITCH" : "lab switch"})`);
  if (outputs.standby) say(`  In reserve   ${outputs.standby}`);
  if (settings.demoPeople) {
    for (const user of demoPeople) say(`  Sign in as   ${user.padEnd(8)} ${settings.secrets.demoPassword}`);
  }
}
