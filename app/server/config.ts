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

/** Sign-in by JWTs of the company's application; by neither a secret nor keys: not offered. */
export interface JwtConfig {
  /** HS256; empty: not offered. */
  secret: string;
  /** Public keys (RFC 7517); empty: not offered. */
  jwksUrl: string;
  /** Empty: not looked at. */
  issuer: string;
  audience: string;
  clockSkewSeconds: number;
  /** First and last extension for people who bring none. */
  extensions: readonly [number, number];
}

/** The stack's relay; without URLs there is none. */
export interface TurnConfig {
  /** Where browsers reach it (RFC 7065). */
  urls: readonly string[];
  /** Shared with it. */
  secret: string;
}

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
  /** The stack's own API token, with every permission; empty: none. */
  adminToken: string;
  jwt: JwtConfig;
  turn: TurnConfig;
  /** Control WebSockets of the stack's application servers, this one's first; empty where it is the only one. */
  servers: readonly string[];
  /** Origins whose pages may call `/api`. */
  apiOrigins: ReadonlySet<string>;
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
    demoPassword: secret(join(secrets, "demo-password"), "may be missing"),
    adminToken: secret(join(secrets, "admin-token"), "may be missing"),
    jwt: {
      secret: secret(join(secrets, "jwt-secret"), "may be missing"),
      jwksUrl: environment.HOUSELINE_JWKS_URL ?? "",
      issuer: environment.HOUSELINE_JWT_ISSUER ?? "",
      audience: environment.HOUSELINE_JWT_AUDIENCE ?? "",
      clockSkewSeconds: number("HOUSELINE_JWT_CLOCK_SKEW", 0, 300, 30),
      extensions: readRange(text("HOUSELINE_JWT_EXTENSIONS", "2000-8999")),
    },
    turn: readTurn(environment.HOUSELINE_TURN_URLS ?? "", join(secrets, "turn-secret")),
    servers: readServers(environment.HOUSELINE_SERVERS ?? ""),
    apiOrigins: new Set((environment.HOUSELINE_API_ORIGINS ?? "").split(/\s+/).filter(Boolean)),
    dataDirectory: text("HOUSELINE_DATA", "/data"),
    databaseUrl: secret(join(secrets, "database-url"), "may be missing"),
    softphoneDirectory: text("HOUSELINE_SOFTPHONE", "/srv/softphone"),
    logLevel,
  };
}

function readServers(text: string): string[] {
  const urls = text.split(/\s+/).filter(Boolean);
  if (urls.length > 8 || !urls.every((url) => /^wss?:\/\/[^\s"'<>]{1,400}\/ws$/.test(url))) {
    throw new Failure(`HOUSELINE_SERVERS must be at most eight URLs such as wss://phone.example.com/ws, separated by a space; it is '${text}'.`);
  }
  return urls;
}

function readTurn(text: string, path: string): TurnConfig {
  const urls = text.split(/\s+/).filter(Boolean);
  if (urls.length === 0) return { urls, secret: "" };
  if (urls.length > 4 || !urls.every((url) => /^turns?:[A-Za-z0-9.-]+:[0-9]{1,5}\?transport=(tcp|udp)$/.test(url))) {
    throw new Failure(`HOUSELINE_TURN_URLS must be at most four URLs such as turns:switch.example.com:5349?transport=tcp, separated by a space; it is '${text}'.`);
  }
  return { urls, secret: secret(path) };
}

function readRange(text: string): readonly [number, number] {
  const [, first = "", last = ""] = /^([1-9][0-9]{1,5})-([1-9][0-9]{1,5})$/.exec(text) ?? [];
  if (first.length === 0 || first.length !== last.length || Number(first) > Number(last)) {
    throw new Failure(`HOUSELINE_JWT_EXTENSIONS must be two extensions of the same length with '-' between them, such as 2000-8999; it is '${text}'.`);
  }
  return [Number(first), Number(last)];
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

function secret(path: string, need: "needed" | "may be missing" = "needed"): string {
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
