import { readFileSync } from "node:fs";

/** What the container is given (docs/architecture.md). */
export interface Config {
  slot: number;
  domain: string;
  wsHost: string;
  wsPort: number;
  eslHost: string;
  eslPort: number;
  eslPassword: string;
  directoryUrls: string[];
  directoryPassword: string;
  drainSeconds: number;
  /** How long a person's devices ring. */
  ringSeconds: number;
  /** How long a leg outlives its WebSocket. */
  lostSeconds: number;
}

/** Something in the environment that the person who deploys can mend. */
export class ConfigError extends Error {}

export interface Sources {
  env: Record<string, string | undefined>;
  readFile: (path: string) => string;
}

/** Reads the environment, the slot and the secrets. Paths can be moved for tests: HOUSELINE_RUN_DIR, HOUSELINE_SECRETS_DIR. */
export function readConfig({ env, readFile }: Sources = { env: process.env, readFile: (path) => readFileSync(path, "utf8") }): Config {
  const run = env["HOUSELINE_RUN_DIR"] ?? "/run/houseline";
  const secrets = env["HOUSELINE_SECRETS_DIR"] ?? "/run/secrets";
  const slot = Number(read(readFile, `${run}/slot`, "the entrypoint writes it when it has taken a slot"));
  if (!Number.isInteger(slot) || slot < 0 || slot > 2) throw new ConfigError(`${run}/slot must hold 0, 1 or 2.`);
  return {
    slot,
    domain: text(env, "HOUSELINE_DOMAIN", "houseline.internal"),
    wsHost: text(env, "HOUSELINE_WS_HOST", "127.0.0.1"),
    wsPort: whole(env, "HOUSELINE_WS_PORT", 5066, 1, 65_533) + slot,
    eslHost: text(env, "HOUSELINE_PRIVATE_IP", "127.0.0.1"),
    eslPort: whole(env, "HOUSELINE_ESL_PORT", 8021, 1, 65_533) + slot,
    eslPassword: secret(readFile, `${secrets}/esl-password`),
    directoryUrls: directoryUrls(env),
    directoryPassword: secret(readFile, `${secrets}/directory-password`),
    drainSeconds: whole(env, "HOUSELINE_DRAIN_SECONDS", 3_600, 0, 86_400),
    ringSeconds: whole(env, "HOUSELINE_RING_SECONDS", 30, 1, 600),
    lostSeconds: whole(env, "HOUSELINE_LOST_SECONDS", 20, 1, 3_600),
  };
}

function read(readFile: Sources["readFile"], path: string, hint: string): string {
  try {
    return readFile(path).trim();
  } catch {
    throw new ConfigError(`${path} can't be read: ${hint}.`);
  }
}

function secret(readFile: Sources["readFile"], path: string): string {
  const value = read(readFile, path, "it comes from the secrets' data container");
  if (value === "") throw new ConfigError(`${path} is empty: deploy again, the program makes the password.`);
  return value;
}

function text(env: Sources["env"], name: string, otherwise: string): string {
  return env[name]?.trim() || otherwise;
}

function whole(env: Sources["env"], name: string, otherwise: number, least: number, most: number): number {
  const value = Number(env[name]?.trim() || otherwise);
  if (!Number.isInteger(value) || value < least || value > most) throw new ConfigError(`${name} must be a whole number from ${least} to ${most}.`);
  return value;
}

function directoryUrls(env: Sources["env"]): string[] {
  const urls = (env["HOUSELINE_DIRECTORY_URLS"] ?? "").split(/\s+/).filter(Boolean);
  if (urls.length > 9) throw new ConfigError("HOUSELINE_DIRECTORY_URLS has more than nine addresses.");
  for (const url of urls) {
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw new ConfigError(`HOUSELINE_DIRECTORY_URLS: "${url}" is not an http address.`);
  }
  return urls;
}
