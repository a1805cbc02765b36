import { run } from "../../pulumi/process.ts";
import { Failure } from "../failure.ts";
import { oneAtATime } from "../held-name.ts";
import { confirm, step } from "../terminal.ts";
import { onPath } from "./on-path.ts";
import type { Consent } from "./prerequisite.ts";

/** Installs Debian's packages, with the person's consent. */
export async function installPackages(packages: readonly string[], reason: string, consent: Consent): Promise<void> {
  const command = `apt-get install --no-install-recommends ${packages.join(" ")}`;
  if (!onPath("apt-get")) throw new Failure(`${reason} This machine has no apt-get: install the same by its own package manager and run this again.`);
  if (process.getuid?.() !== 0) throw new Failure(`${reason} Type 'sudo ${command}' and run this again.`);
  const agreed = consent.yes || await confirm(`${reason} Install Debian's ${packages.join(", ")}?`);
  if (agreed === undefined) throw new Failure(`${reason} Type '${command}', or add --yes to have it done.`);
  if (!agreed) throw new Failure(`${reason} Nothing was installed. Type '${command}' when you want it.`);
  await step(`Debian's ${packages.join(", ")}`, (note) => oneApt(async () => {
    await apt(["update", "-q"], note);
    await apt(["install", "-y", "-q", "--no-install-recommends", ...packages], note);
  }));
}

/** Apt waits for another that installs, not for one that reads the lists anew: what this or another checkout does with it is done in turn. */
export function oneApt<T>(work: () => Promise<T>): Promise<T> {
  return oneAtATime("apt", work);
}

async function apt(args: readonly string[], note: (what: string) => void): Promise<void> {
  // Another apt at work (unattended upgrades, another checkout) is waited for.
  const { code, stderr } = await run("apt-get", ["-o", "DPkg::Lock::Timeout=300", ...args], {
    environment: { DEBIAN_FRONTEND: "noninteractive" },
    onLine: (line) => note(line.trim().slice(0, 100)),
    timeoutSeconds: 1_800,
  });
  if (code !== 0) throw new Failure(`'apt-get ${args.join(" ")}' failed:\n${lastLines(stderr)}`);
}

export function lastLines(text: string, count = 15): string {
  return text.trim().split("\n").slice(-count).map((line) => `  ${line}`).join("\n");
}
