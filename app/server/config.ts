import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { Failure } from "./failure.ts";

/** A switch: slot N answers ESL at `eslPort + N` and browsers at `sipUrl/N`. */
const switchAddress = z.strictObject({
  name: z.string().min(1).max(60),
  eslHost: z.string().min(1).max(253),
  eslPort: z.number().int().min(1).max(65_533),
  sipUrl: z.string().regex(/^wss?:\/\/[^\s"'<>]+$/).max(500),
});
export type SwitchAddress = z.infer<typeof switchAddress>;

/** Slots of every switch and of this server (docs/architecture.md). */
export const slots = 3;

export interface Config {
  /** Port of this slot, on loopback: `/ws`, `/healthz`, the softphone. */
  port: number;
  /** Port of this slot, on the private address: the switch's directory. */
  directoryPort: number;
  slot: number;
  privateAddress: string;
  domain: string;
  switches: readonly SwitchAddress[];
  origins: ReadonlySet<string>;
  eslPassword: string;
  directoryPassword: string;
  /** Empty: no demo people. */
  demoPassword: string;
  dataDirectory: string;
  /** PostgreSQL; empty: the embedded database in `dataDirectory`. */
  databaseUrl: string;
  softphoneDirectory: string;
  logLevel: "debug" | "info" | "warn" | "error";
}

const levels: Record<string, Config["logLevel"]> = { debug: "debug", notice: "info", info: "info", warning: "warn", error: "error" };

/**
 * Reads what this container was given.
 *
 * @param environment `HOUSELINE_…` (docs/architecture.md)
 * @throws Failure with the variable or file that is wrong
 */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const text = (name: string, fallback?: string) => {
    const value = environment[name] ?? fallback;
    if (value === undefined || value === "") throw new Failure(`${name} is not set. docs/architecture.md says what it holds.`);
    return value;
  };
  const number = (name: string, low: number, high: number, fallback?: number) => {
    const value = Number(text(name, fallback?.toString()));
    if (!Number.isInteger(value) || value < low || value > high) throw new Failure(`${name} must be a whole number from ${low} to ${high}; it is '${environment[name]}'.`);
    return value;
  };
  const secrets = environment.HOUSELINE_SECRETS ?? "/run/secrets";
  const slot = number("HOUSELINE_SLOT", 0, slots - 1);
  const level = text("HOUSELINE_LOG_LEVEL", "notice");
  const logLevel = levels[level];
  if (!logLevel) throw new Failure(`HOUSELINE_LOG_LEVEL must be one of ${Object.keys(levels).join(", ")}; it is '${level}'.`);
  return {
    slot,
    port: number("HOUSELINE_APP_PORT", 1, 65_533, 10_022) + slot,
    directoryPort: number("HOUSELINE_DIRECTORY_PORT", 1, 65_533, 10_032) + slot,
    privateAddress: text("HOUSELINE_PRIVATE_IP", "127.0.0.1"),
    domain: text("HOUSELINE_DOMAIN"),
    switches: readSwitches(text("HOUSELINE_SWITCHES")),
    origins: new Set(text("HOUSELINE_ORIGINS").split(/\s+/).filter(Boolean)),
    eslPassword: secret(join(secrets, "esl-password")),
    directoryPassword: secret(join(secrets, "directory-password")),
    demoPassword: secret(join(secrets, "demo-password"), "may be empty"),
    dataDirectory: text("HOUSELINE_DATA", "/data"),
    databaseUrl: secret(join(secrets, "database-url"), "may be missing"),
    softphoneDirectory: text("HOUSELINE_SOFTPHONE", "/srv/softphone"),
    logLevel,
  };
}

function readSwitches(text: string): SwitchAddress[] {
  try {
    const list = z.array(switchAddress).min(1).max(50).parse(JSON.parse(text));
    if (new Set(list.map(({ name }) => name)).size < list.length) throw new Failure("HOUSELINE_SWITCHES names a switch twice.");
    return list;
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`HOUSELINE_SWITCHES must be JSON like [{"name":"local","eslHost":"127.0.0.1","eslPort":8021,"sipUrl":"ws://localhost:8443/sip"}].`);
  }
}

function secret(path: string, need: "needed" | "may be empty" | "may be missing" = "needed"): string {
  let value: string;
  try {
    value = readFileSync(path, "utf8").trim();
  } catch (error) {
    if (need === "may be missing" && (error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw new Failure(`The secret ${path} can't be read: the container must have the stack's secrets mounted there.`);
  }
  if (value === "" && need === "needed") throw new Failure(`The secret ${path} is empty.`);
  return value;
}
