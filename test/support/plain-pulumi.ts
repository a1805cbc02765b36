import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../pulumi/process.ts";
import { binDirectory, pulumiHome } from "../../cli/paths.ts";
import { root, type Deployment } from "./deployment.ts";

/** Pulumi's own command in this checkout, as somebody types it who doesn't use ours. (docs/operations.md) */
export class PlainPulumi {
  readonly #deployment: Deployment;
  readonly #environment: Record<string, string>;

  private constructor(deployment: Deployment, environment: Record<string, string>) {
    this.#deployment = deployment;
    this.#environment = environment;
  }

  /** On the state that our command keeps of a stack. */
  static ofOurs(deployment: Deployment): PlainPulumi {
    const directory = join(root, ".houseline/stacks", deployment.stack);
    return new PlainPulumi(deployment, environmentOf(join(directory, "state"), { PULUMI_CONFIG_PASSPHRASE_FILE: join(directory, "passphrase") }));
  }

  /** On state of its own, where the stack doesn't exist yet. */
  static async create(deployment: Deployment, folder: string): Promise<PlainPulumi> {
    mkdirSync(folder, { recursive: true });
    const plain = new PlainPulumi(deployment, environmentOf(folder, { PULUMI_CONFIG_PASSPHRASE: "a passphrase of the tests" }));
    await plain.run("stack", "init", deployment.stack);
    return plain;
  }

  /** The stack's configuration as it is now, with secrets by `pulumi config`, which encrypts them in the file. */
  async configure(secrets: Record<string, string>): Promise<void> {
    copyFileSync(this.#deployment.file, this.#file);
    await this.#onStack("config", "set-all", "--path", ...Object.entries(secrets).flatMap(([key, value]) => ["--secret", `houseline:secrets.${key}=${value}`]));
  }

  preview(...words: string[]): Promise<string> {
    return this.#onStack("preview", ...words);
  }

  up(...words: string[]): Promise<string> {
    return this.#onStack("up", "--yes", "--skip-preview", ...words);
  }

  destroy(): Promise<string> {
    return this.#onStack("destroy", "--yes", "--skip-preview");
  }

  #onStack(...words: string[]): Promise<string> {
    return this.run(...words, "--stack", this.#deployment.stack, "--config-file", this.#file);
  }

  /** Our command reads none that is encrypted. */
  get #file(): string {
    return `${this.#deployment.file.replace(/\.yaml$/, "")}-plain.yaml`;
  }

  remove(): void {
    // 'stack init' writes one of its own beside the program.
    for (const file of [this.#file, join(root, `Pulumi.${this.#deployment.stack}.yaml`)]) rmSync(file, { force: true });
  }

  /** @throws with all that it said, when it fails */
  async run(...words: string[]): Promise<string> {
    const { code, stdout, stderr } = await run(join(binDirectory, "pulumi"), [...words, "--non-interactive"], { directory: root, environment: this.#environment });
    if (code !== 0) throw new Error(`pulumi ${words[0]} failed:\n${stdout}${stderr}`);
    return stdout;
  }
}

function environmentOf(state: string, passphrase: Record<string, string>): Record<string, string> {
  return { PATH: `${binDirectory}:${process.env.PATH}`, PULUMI_HOME: pulumiHome, PULUMI_BACKEND_URL: `file://${state}`, ...passphrase, PULUMI_SKIP_UPDATE_CHECK: "true" };
}
