import { mkdirSync } from "node:fs";
import type { Settings } from "../../pulumi/settings.ts";
import { binDirectory, pulumiHome } from "../paths.ts";
import { actionlint } from "./actionlint.ts";
import { baseImages } from "./base-images.ts";
import { chromium } from "./chromium.ts";
import { containerRegistry } from "./container-registry.ts";
import { dockerProgram } from "./docker-client.ts";
import { dockerEngine } from "./docker-engine.ts";
import { languageHost } from "./language-host.ts";
import { nssTools } from "./nss-tools.ts";
import { opensshClient } from "./openssh-client.ts";
import { pebble } from "./pebble.ts";
import { postgresql } from "./postgresql.ts";
import type { Consent, Prerequisite } from "./prerequisite.ts";
import { dockerPlugin, hcloudPlugin, pulumiCli } from "./pulumi-tools.ts";
import { tcpdump } from "./tcpdump.ts";

/** What deploying needs, in the order in which it is got. */
export const forDeploying: readonly Prerequisite[] = [dockerEngine, pulumiCli, dockerPlugin, baseImages];
/** What building images needs. */
export const forImages: readonly Prerequisite[] = [dockerEngine, baseImages];
/** What removing a stack needs, and deploying one whose images come from a registry. */
export const withoutBuilding: readonly Prerequisite[] = [dockerEngine, pulumiCli, dockerPlugin];
/** What a stack on other hosts needs of this machine. */
export const forHosts: readonly Prerequisite[] = [dockerProgram, opensshClient, pulumiCli, dockerPlugin];
/** What the tests need beyond that. */
export const forTesting: readonly Prerequisite[] = [...forDeploying, hcloudPlugin, languageHost, chromium, postgresql, containerRegistry, opensshClient, nssTools, tcpdump, pebble, actionlint];
/** What the unit tests need. */
export const forUnitTests: readonly Prerequisite[] = [postgresql];

/** What deploying this stack needs of this machine. */
export function neededBy({ hosts, registry }: Pick<Settings, "hosts" | "registry">): readonly Prerequisite[] {
  if (hosts.kind === "hcloud") return [...forHosts, hcloudPlugin];
  if (hosts.kind !== "local") return forHosts;
  return registry.address === undefined ? forDeploying : withoutBuilding;
}

/** Gets whatever of these is missing; says nothing about what is there. */
export async function setUp(needed: readonly Prerequisite[], consent: Consent): Promise<void> {
  useOwnTools();
  // Ordinarily everything is there: all are looked for at once.
  const found = await Promise.all(needed.map((prerequisite) => prerequisite.find().catch(() => undefined)));
  const missing = needed.filter((_, index) => found[index] === undefined);
  // What is downloaded is waited for while the compiler works, unless somebody may be asked meanwhile.
  const rows = consent.yes ? [missing.filter(({ fromGo }) => fromGo), missing.filter(({ fromGo }) => !fromGo)] : [missing];
  const results = await Promise.allSettled(rows.map((row) => getInTurn(row, consent)));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** One may need another to be looked for at all. */
async function getInTurn(missing: readonly Prerequisite[], consent: Consent): Promise<void> {
  for (const prerequisite of missing) if (await prerequisite.find() === undefined) await prerequisite.get(consent);
}

/** Puts what set-up got first on PATH, for this process and all that it runs. */
export function useOwnTools(): void {
  if (!process.env.PATH?.startsWith(binDirectory)) process.env.PATH = `${binDirectory}:${process.env.PATH ?? ""}`;
  process.env.PULUMI_SKIP_UPDATE_CHECK = "true";
  mkdirSync(pulumiHome, { recursive: true, mode: 0o700 });
}
