import { pino } from "pino";
import type { Config } from "./config.ts";

export type Logger = ReturnType<typeof createLog>;

/** JSON lines on standard output. Nothing secret is ever given to it; what might be is cut out all the same. */
export function createLog(level: Config["logLevel"]) {
  return pino({ level, base: null, redact: { paths: ["password", "token", "resumeToken", "*.password", "*.token", "*.resumeToken"], censor: "[REDACTED]" } });
}
