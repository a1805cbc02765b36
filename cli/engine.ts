import { mkdirSync } from "node:fs";
import { LocalWorkspace, type EngineEvent, type PulumiFn, type Stack } from "@pulumi/pulumi/automation/index.js";
import { fullDisk } from "../pulumi/full-disk.ts";
import { houseline, type Prepared } from "../pulumi/program.ts";
import { Failure } from "./failure.ts";
import { passphrase, type Environment } from "./environment.ts";
import { pulumiHome } from "./paths.ts";
import { pulumiCommand } from "./setup/pulumi-tools.ts";
import { backendDirectory } from "./stack-lock.ts";

/**
 * The stack in the engine, its state in a directory of this machine, its program the one of `pulumi up`.
 *
 * @param prepared what the program is given once it runs
 */
export async function engineStack(environment: Environment, prepared?: Promise<Prepared>): Promise<Stack> {
  return openStack(environment, "houseline", prepared ? async () => houseline(await prepared) : async () => ({}));
}

/**
 * A stack of a project in the engine: what is deployed, and the machines that it is deployed on, are two.
 *
 * @param variables what the engine and its plugins find in their environment besides
 */
export async function openStack(environment: Environment, projectName: string, program: PulumiFn, variables: Record<string, string> = {}): Promise<Stack> {
  const state = backendDirectory(environment);
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const command = await pulumiCommand();
  return LocalWorkspace.createOrSelectStack({ stackName: environment.stack, projectName, program }, {
    workDir: state,
    pulumiHome,
    pulumiCommand: command,
    projectSettings: { name: projectName, runtime: "nodejs", backend: { url: `file://${state}` } },
    envVars: {
      PULUMI_CONFIG_PASSPHRASE: passphrase(environment),
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_BACKEND_URL: `file://${state}`,
      ...variables,
    },
  }).catch((error: unknown) => {
    throw new Diagnostics().failure(error);
  });
}

/** Collects what the engine says went wrong, in the provider's words. */
export class Diagnostics {
  readonly errors: string[] = [];

  readonly listen = (event: EngineEvent) => {
    const diagnostic = event.diagnosticEvent;
    if (diagnostic?.severity !== "error") return;
    const cause = causeOf(plain(diagnostic.message));
    const text = cause && diagnostic.urn ? `${diagnostic.urn.split("::").at(-1)}: ${cause}` : cause;
    if (text && !this.errors.some((known) => known.includes(cause))) this.errors.push(text);
  };

  /** A sentence for an engine's failure that no event explained. */
  failure(error: unknown): Failure {
    const full = fullDisk([...this.errors, (error as Error).message].join("\n"));
    if (full !== undefined) return new Failure(`Pulumi could not finish. ${full} What served before goes on serving.`);
    const lines = this.errors.length > 0 ? this.errors : [plain((error as Error).message).split("\n").filter((line) => /error|fail/i.test(line)).slice(0, 5).join("\n")];
    return new Failure(`Pulumi could not finish:\n${lines.map((line) => `  ${line.replaceAll("\n", "\n  ")}`).join("\n")}`);
  }
}

/** Without the engine's colours, and without what names no cause. */
function plain(message: string): string {
  return message.replace(/<\{%.*?%\}>|\x1b\[[0-9;]*m/g, "").replace(/^error: update failed$/m, "").trim();
}

/** A provider wraps its one sentence in several others: the innermost says it. */
function causeOf(message: string): string {
  if (/^(update failed|.*sdk\.helper_schema:.*)$/s.test(message)) return "";
  return message.split("\n").findLast((line) => line.trim().startsWith("* "))?.trim().slice(2) ?? message;
}
