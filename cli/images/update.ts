import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { baseLockFile, baseLocks } from "../../pulumi/base-locks.ts";
import { resolvePackages } from "../../pulumi/image-build.ts";
import { repositoryRoot } from "../../pulumi/images.ts";
import { run } from "../../pulumi/process.ts";
import { parseAddress, registryOf } from "../../pulumi/published.ts";
import { Refusal } from "../../pulumi/refusal.ts";
import { chooseSwitch } from "../../pulumi/switch-choice.ts";
import { say, step } from "../terminal.ts";
import type { ImagesContext } from "./index.ts";
import { lockChanges, npmVersions, packageVersions } from "./lock-changes.ts";

const npmLock = "package-lock.json";

/** What a lock would become, and what that changes in words; a reason where it can't be asked. */
interface Update { what: string; file: string; text?: string; changes: string[]; reason?: string }

/** `./houseline images --update`: asks every source what is newest, writes the lock files, and says what changed. */
export async function update(context: ImagesContext): Promise<number> {
  const updates: Update[] = [];
  for (const [what, ask] of [["base images", bases], ["packages of FreeSWITCH and Debian", packages], ["packages of the relay", relayPackages], ["npm packages", npm], ["sounds", sounds]] as const) {
    updates.push(await step(`Asking for ${what}`, async () => ({ what, ...await ask(context) })));
  }
  for (const { file, text } of updates) if (text !== undefined) writeFileSync(join(repositoryRoot, file), text);
  if (context.json) say(JSON.stringify(updates.map(({ text: _, ...shown }) => shown), null, 2));
  else for (const { what, file, changes, reason } of updates) {
    say(`  ${what} (${file}): ${reason ?? (changes.length === 0 ? "nothing changed" : "")}`.trimEnd());
    for (const change of changes) say(`    ${change}`);
  }
  return 0;
}

async function bases(): Promise<Omit<Update, "what">> {
  const text = readFileSync(join(repositoryRoot, baseLockFile), "utf8");
  const changes: string[] = [];
  let updated = text;
  for (const [name, before] of baseLocks(repositoryRoot)) {
    const [repository = "", tag = "latest"] = name.split(":");
    const { host, prefix } = parseAddress(`docker.io/${repository.includes("/") ? repository : `library/${repository}`}`);
    let digest: string | undefined;
    try {
      // Docker's own registry: what was configured for ours is not for it.
      digest = await (await registryOf({ host, prefix, shown: host }, { registry: {} }, { tries: 2 })).digestOf(prefix.replace(/\/$/, ""), tag);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      changes.push(`${name}: stays ${before ?? "unlocked"}; its registry can't be asked (${error.message.split(". ")[0]})`);
      continue;
    }
    if (digest === undefined) changes.push(`${name}: stays ${before ?? "unlocked"}; ${host} has it no more`);
    else if (digest !== before) {
      changes.push(before === undefined ? `${name}: locked to ${digest}` : `${name}: ${before} → ${digest}`);
      updated = updated.replace(new RegExp(`^${name.replaceAll(/[.]/g, "\\.")} \\S+$`, "m"), `${name} ${digest}`);
    }
  }
  return { file: baseLockFile, text: updated, changes };
}

async function packages({ client, settings }: ImagesContext): Promise<Omit<Update, "what">> {
  const file = "images/freeswitch/packages.lock";
  const here = { ...settings, registry: { ...settings.registry, address: undefined } };
  if (chooseSwitch({ ...here, switch: { kind: "auto" } }).kind !== "freeswitch" || settings.freeswitch.image !== undefined) return { file, changes: [], reason: "not asked, no source of FreeSWITCH's packages is configured" };
  return locked(file, await resolvePackages(client, repositoryRoot, "freeswitch", settings.freeswitch));
}

async function relayPackages({ client, settings }: ImagesContext): Promise<Omit<Update, "what">> {
  const file = "images/turn/packages.lock";
  if (!settings.turn.enabled) return { file, changes: [], reason: "not asked, the stack has no relay ('houseline:turn.enabled')" };
  return locked(file, await resolvePackages(client, repositoryRoot, "turn", settings.freeswitch));
}

/** The lock with the lines of these architectures in the place of its own. */
function locked(file: string, resolved: string): Omit<Update, "what"> {
  const before = readFileSync(join(repositoryRoot, file), "utf8");
  const architectures = new Set(resolved.split("\n").map((line) => line.split(" ")[0]));
  const kept = before.split("\n").filter((line) => line !== "" && (line.startsWith("#") || !architectures.has(line.split(" ")[0])));
  const text = `${[...kept, ...resolved.trim().split("\n")].join("\n")}\n`;
  return { file, text, changes: lockChanges(packageVersions(before), packageVersions(text)) };
}

/** In a copy: the lock is put in its place whole. */
async function npm(): Promise<Omit<Update, "what">> {
  const folder = mkdtempSync(join(tmpdir(), "houseline-npm-"));
  try {
    const before = readFileSync(join(repositoryRoot, npmLock), "utf8");
    const { workspaces } = JSON.parse(readFileSync(join(repositoryRoot, "package.json"), "utf8")) as { workspaces: string[] };
    for (const path of ["package.json", npmLock, ".npmrc", ...workspaces.map((workspace) => join(workspace, "package.json"))]) {
      if (!existsSync(join(repositoryRoot, path))) continue;
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      cpSync(join(repositoryRoot, path), join(folder, path));
    }
    const { code, stderr } = await run("npm", ["update", "--package-lock-only", "--ignore-scripts", "--no-fund", "--no-audit"], { directory: folder, timeoutSeconds: 600 });
    if (code !== 0) return { file: npmLock, changes: [], reason: `stays as it is; npm says: ${stderr.trim().split("\n").filter((line) => line.startsWith("npm error")).slice(0, 2).join(" ")}` };
    const text = readFileSync(join(folder, npmLock), "utf8");
    return { file: npmLock, text, changes: lockChanges(npmVersions(before), npmVersions(text)) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The archives' digests are their publisher's, and change when a person changes their names; what our own voice is made from is here. */
async function sounds(): Promise<Omit<Update, "what">> {
  const file = "images/freeswitch-sound/sounds.lock";
  const before = readFileSync(join(repositoryRoot, file), "utf8");
  await run("sh", [join(repositoryRoot, "images/freeswitch-sound/lock.sh")]);
  const after = readFileSync(join(repositoryRoot, file), "utf8");
  const lines = new Set(before.split("\n"));
  return { file, changes: after.split("\n").filter((line) => !lines.has(line)).map((line) => `${line.split(" ").at(-1)} changed`) };
}
