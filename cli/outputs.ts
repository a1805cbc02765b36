import { stackOutputs } from "../pulumi/outputs.ts";
import { loadSettings } from "./environment.ts";
import { withMachines } from "./known-machines.ts";
import { environmentOf, readOptions, stackOptions } from "./options.ts";
import { say } from "./terminal.ts";

/** `./houseline outputs [stack]`: what whoever keeps DNS, the CRM's developer and the monitoring are to be told. Asks no host. */
export function outputs(args: string[]): Promise<number> {
  const parsed = readOptions("outputs", args, { ...stackOptions, json: { type: "boolean" } }, 1);
  const target = environmentOf(parsed);
  const { dns, crm, monitoring } = stackOutputs(withMachines(loadSettings(target), target));
  if (parsed.values.json) {
    say(JSON.stringify({ dns, crm, monitoring }, null, 2));
    return Promise.resolve(0);
  }
  say("DNS");
  for (const { name, type, address } of dns) say(`  ${name.padEnd(40)} ${type.padEnd(5)} ${address}`);
  if (dns.length === 0) say("  nothing: it is reached by this machine's own name, or by addresses");
  say("CRM");
  say(`  library          ${crm.library}`);
  for (const control of crm.controls ?? [crm.control]) say(`  control          ${control}`);
  say(`  API              ${crm.api}`);
  say(`  its CSP allows   ${crm.contentSecurityPolicy}`);
  say(`  other origins    ${crm.origins.join(" ") || "none (houseline:origins)"}`);
  say(`  its tokens       ${crm.tokens === undefined ? "none (houseline:signIn)" : `${crm.tokens.keys}${crm.tokens.issuer === undefined ? "" : `, issuer ${crm.tokens.issuer}`}${crm.tokens.audience === undefined ? "" : `, audience ${crm.tokens.audience}`}`}`);
  say("Monitoring");
  for (const health of monitoring.healths ?? [monitoring.health]) say(`  health           ${health}`);
  for (const url of monitoring.metrics) say(`  Prometheus       ${url} (on ${monitoring.healths ? "each" : "the"} application server's host)`);
  return Promise.resolve(0);
}
