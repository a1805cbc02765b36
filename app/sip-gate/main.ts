import { rmSync } from "node:fs";
import { Gate } from "./gate.ts";

/** The gate's process (docs/architecture.md, "Environment"): HOUSELINE_GATE is where it listens, HOUSELINE_SLOTS the slots behind it, HOUSELINE_SLOTS_IPV6 those for who comes by IPv6. */
async function main(): Promise<void> {
  const { HOUSELINE_GATE: address = "/run/houseline/gate.sock" } = process.env;
  const addresses = slotsOf("HOUSELINE_SLOTS");
  const log = (msg: string, about: Record<string, unknown> = {}) => process.stdout.write(`${JSON.stringify({ level: "info", time: Date.now(), msg, ...about })}\n`);
  const gate = new Gate(addresses, log, process.env.HOUSELINE_SLOTS_IPV6 === undefined ? addresses : slotsOf("HOUSELINE_SLOTS_IPV6"));
  if (address.startsWith("/")) rmSync(address, { force: true });
  await gate.listen(address);
  const leave = () => void gate.drain().then(() => setTimeout(() => process.exit(0), 500));
  process.once("SIGTERM", leave);
  process.once("SIGINT", leave);
}

function slotsOf(name: string): string[] {
  const slots = (process.env[name] ?? "").split(" ").filter(Boolean);
  if (slots.length > 0 && slots.every((slot) => /^[\w.:[\]-]+:\d+$/.test(slot))) return slots;
  process.stderr.write(`sip-gate: ${name} must list host:port of each slot, separated by spaces; it is '${process.env[name] ?? ""}'.\n`);
  process.exit(1);
}

await main();
