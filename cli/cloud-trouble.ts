import { namesOf, type Kind } from "../pulumi/hcloud/names.ts";
import type { Settings } from "../pulumi/settings.ts";

/** What the API calls things, and the console. */
const words: Record<Kind, string> = { ssh_keys: "SSH key", networks: "network", placement_groups: "placement group", primary_ips: "Primary IP", firewalls: "firewall", servers: "server" };

/** Codes of answers after which the same may well succeed. (docs.hetzner.cloud, "Errors") */
const passing = /\((locked|conflict|rate_limit_exceeded|service_error|server_error|unavailable|bad_gateway|timeout|maintenance|resource_locked)\b|status code 5\d\d|\bEOF\b|connection (reset|refused)|i\/o timeout|TLS handshake timeout|no such host|network is unreachable/;

/** Whether nothing of what went wrong is for good. */
export function isPassing(errors: readonly string[]): boolean {
  return errors.length > 0 && errors.every((error) => passing.test(error));
}

/**
 * One sentence for what Hetzner Cloud answered.
 *
 * @param errors as the engine tells them, each after the name of its resource: `softswitch-server: server name is already used (uniqueness_error)`
 */
export function sentenceOf(errors: readonly string[], { hosts: { hcloud } }: Settings, stack: string): string | undefined {
  const told = (code: string) => errors.find((error) => hasCode(error, code));
  const again = `type './houseline up ${stack}' again`;
  if (told("unauthorized")) return `Hetzner Cloud does not take the token (${hcloud.token === undefined ? "HCLOUD_TOKEN in the environment" : "'houseline:hosts.hcloud.token'"}): it was mistyped or revoked. Make one in its console (the project, Security, API tokens, read and write), and ${again}.`;
  if (told("token_readonly") ?? told("forbidden")) return `Hetzner Cloud's token (${hcloud.token === undefined ? "HCLOUD_TOKEN in the environment" : "'houseline:hosts.hcloud.token'"}) may not change anything: it is one for reading. Make one in its console (the project, Security, API tokens, read and write), and ${again}.`;
  const taken = told("uniqueness_error");
  if (taken !== undefined) return takenSentence(taken, stack, again);
  const limit = told("resource_limit_exceeded");
  if (limit !== undefined) return `Hetzner Cloud allows this account no more of what ${nameOf(limit)} is: raise the limit in its console (your account, Limits) or remove what is not needed, and ${again}.`;
  const unavailable = told("resource_unavailable") ?? told("placement_error");
  if (unavailable !== undefined) return `Hetzner Cloud has no room for ${nameOf(unavailable)} in ${hcloud.location} now: try later, or another type ('houseline:hosts.hcloud.softswitchType', 'applicationType') or location.`;
  if (told("protected")) return `Something of '${stack}' is protected against removal at Hetzner Cloud. './houseline down ${stack} --data' takes the protection away first; what else protects it is to be seen in the console.`;
  if (isPassing(errors)) return `Hetzner Cloud is too busy or can't be reached (${passingLine(errors[0]!)}). What is made so far stays, and no second one is made: wait a little, and ${again}.`;
  return undefined;
}

function takenSentence(error: string, stack: string, again: string): string {
  if (/fingerprint/.test(error)) return `Your public key is in the token's project at Hetzner Cloud already, by another name, and a project takes a key once. Remove it there (console, Security, SSH keys: servers that have it keep it), or give another as 'houseline:hosts.hcloud.publicKey', and ${again}.`;
  const { kind, name } = namesOf(stack).find(({ resource }) => resource === nameOf(error)) ?? { kind: undefined, name: nameOf(error) };
  return `The token's project at Hetzner Cloud has a ${kind === undefined ? "thing" : words[kind]} '${name}' already, and this stack did not make it. Rename or remove it in the console if nobody needs it, or give this stack another name or a project of its own, and ${again}.`;
}

const passingLine = (error: string) => error.split("\n").find((line) => passing.test(line))!.replace(/^\S+: /, "");
const hasCode = (error: string, code: string) => new RegExp(`\\(${code}\\b|code: ${code}\\b`).test(error);
const nameOf = (error: string) => /^(\S+): /.exec(error)?.[1] ?? "it";
