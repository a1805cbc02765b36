import { randomBytes, randomInt } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parse } from "yaml";
import { environmentName, readSettings, type Settings } from "../pulumi/settings.ts";
import { Failure } from "./failure.ts";
import { root, stackDirectory } from "./paths.ts";
import { writeWhole } from "./whole-file.ts";

/** A stack as the commands know it: its name, where it keeps what is its own, and the file that configures it. */
export interface Environment {
  stack: string;
  /** Under `.houseline/`: Pulumi's state, generated secrets, records. */
  directory: string;
  /** `Pulumi.<stack>.yaml`, or the file that was given. */
  configuration: string;
}

/**
 * Finds a stack by name.
 *
 * @param configuration another file than `Pulumi.<stack>.yaml`
 */
export function environment(stack = "local", configuration?: string): Environment {
  if (!/^[a-z][a-z0-9-]{0,39}$/.test(stack)) throw new Failure(`A stack's name is up to 40 small letters, digits and '-', beginning with a letter; '${stack}' is not. Type './houseline up' for the stack 'local'.`);
  const file = configuration ?? join(root, `Pulumi.${stack}.yaml`);
  if (!existsSync(file)) {
    throw new Failure(configuration === undefined
      ? `There is no stack '${stack}': Pulumi.${stack}.yaml is missing. Copy Pulumi.production.example.yaml to that name and fill it in, or type './houseline up' for the stack 'local'.`
      : `There is no file ${configuration}. Give the configuration of the stack '${stack}' after --config, or leave it out for Pulumi.${stack}.yaml.`);
  }
  return { stack, directory: stackDirectory(stack), configuration: file };
}

/** Reads and checks a stack's configuration, with the secrets that this machine made for it. */
export function loadSettings(environment: Environment): Settings {
  const where = relative(root, environment.configuration);
  const settings = readSettings(configOf(readFileSync(environment.configuration, "utf8"), where), process.env, where);
  return { ...settings, secrets: { ...generatedSecrets(environment), ...withoutUndefined(settings.secrets) } };
}

function configOf(text: string, where: string): Record<string, unknown> {
  let document: unknown;
  try {
    document = parse(text) ?? {};
  } catch (error) {
    throw new Failure(`${where} is not YAML: ${(error as Error).message.split("\n")[0]}`);
  }
  const config = (document as { config?: unknown }).config ?? {};
  if (typeof document !== "object" || typeof config !== "object") throw new Failure(`${where} must hold a group 'config:' with keys such as 'houseline:domain'. See docs/configuration.md.`);
  return Object.fromEntries(Object.entries(config as object).flatMap(([key, value]: [string, unknown]) => {
    if (!key.startsWith("houseline:")) return [];
    const encrypted = encryptedIn(value, [key.slice("houseline:".length)]);
    if (encrypted !== undefined) {
      throw new Failure(`${where}: 'houseline:${encrypted}' is encrypted for 'pulumi' alone. Give it to this command by ${environmentName(encrypted)} instead (docs/configuration.md), or deploy with 'pulumi up'.`);
    }
    return [[key.slice("houseline:".length), value]];
  }));
}

/** Path of the first value that `pulumi config set --secret` wrote. */
function encryptedIn(value: unknown, path: readonly string[]): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if ("secure" in value) return path.join(".");
  for (const [key, child] of Object.entries(value)) {
    const found = encryptedIn(child, [...path, key]);
    if (found !== undefined) return found;
  }
  return undefined;
}

type Secrets = Settings["secrets"];

/** Made once for a stack of this machine; in a file that only its user reads. What an older release didn't make yet is added. */
function generatedSecrets({ directory }: Environment): Secrets {
  const path = join(directory, "secrets.json");
  const fresh = () => ({
    eslPassword: randomBytes(24).toString("hex"),
    directoryPassword: randomBytes(24).toString("hex"),
    meshPassword: randomBytes(24).toString("hex"),
    turnSecret: randomBytes(32).toString("hex"),
    demoPassword: speakablePassword(),
    adminToken: `hl_${randomBytes(32).toString("base64url")}`,
  });
  const kept = keep(path, () => JSON.stringify(fresh()), (text) => JSON.parse(text) as Secrets);
  const whole = { ...fresh(), ...kept };
  if (Object.keys(whole).length > Object.keys(kept).length) writeWhole(path, `${JSON.stringify(whole)}\n`);
  return whole;
}

/** The passphrase that encrypts the secrets in Pulumi's state. */
export function passphrase({ directory }: Environment): string {
  return keep(join(directory, "passphrase"), () => randomBytes(32).toString("hex"), (text) => text.trim());
}

function keep<T>(path: string, make: () => string, read: (text: string) => T): T {
  if (!existsSync(path)) writeWhole(path, `${make()}\n`);
  try {
    return read(readFileSync(path, "utf8"));
  } catch {
    throw new Failure(`${relative(root, path)} is damaged. Restore it from a backup; without it, type './houseline down' and './houseline up' to make the stack anew.`);
  }
}

/** Twelve letters and digits that can be told apart when read from a screen: 58 bits. */
function speakablePassword(): string {
  const letters = "abcdefghjkmnpqrstuvwxyz23456789";
  const group = () => Array.from({ length: 4 }, () => letters[randomInt(letters.length)]).join("");
  return `${group()}-${group()}-${group()}`;
}

function withoutUndefined(secrets: Secrets): Secrets {
  return Object.fromEntries(Object.entries(secrets).filter(([, value]) => value !== undefined));
}
