import { rmSync } from "node:fs";
import { Gate } from "./gate.ts";

/** The gate's process (docs/architecture.md, "Environment"): HOUSELINE_GATE is where it listens, HOUSELINE_SLOTS the slots behind it. */
async function main(): Promise<void> {
  const { HOUSELINE_GATE: address = "/run/houseline/gate.sock", HOUSELINE_SLOTS: slots = "" } = process.env;
  const addresses = slots.split(" ").filter(Boolean);
  if (addresses.length === 0 || !addresses.every((slot) => /^[\w.:[\]-]+:\d+$/.test(slot))) {
    process.stderr.write(`sip-gate: HOUSELINE_SLOTS must list host:port of each slot, separated by spaces; it is '${slots}'.\n`);
    process.exit(1);
  }
  const log = (msg: string, about: Record<string, unknown> = {}) => process.stdout.write(`${JSON.stringify({ level: "info", time: Date.now(), msg, ...about })}\n`);
  const gate = new Gate(addresses, log);
  if (address.startsWith("/")) rmSync(address, { force: true });
  await gate.listen(address);
  const leave = () => void gate.drain().then(() => setTimeout(() => process.exit(0), 500));
  process.once("SIGTERM", leave);
  process.once("SIGINT", leave);
}

await main();
