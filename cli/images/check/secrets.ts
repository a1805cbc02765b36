import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { SavedImage } from "../../../pulumi/image-archive.ts";
import { secretKeys, type Settings } from "../../../pulumi/settings.ts";
import { readAt, tarEntries, type Extent } from "../../../pulumi/tar.ts";
import { pathOf } from "./contents.ts";

/** What looks like a secret whoever made it: a whole private key, tokens of AWS, GitHub, GitLab and npm, a password in apt's or npm's files. */
const patterns: Record<string, RegExp> = {
  "a private key": /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+(?:[A-Za-z0-9+/=]{40,}\s+){2,}/,
  "an access key of AWS": /\bAKIA[0-9A-Z]{16}\b/,
  "a token of GitHub": /\bgh[pousr]_[A-Za-z0-9]{36}\b/,
  "a token of GitLab": /\bglpat-[A-Za-z0-9_-]{20}\b/,
  "a token of npm": /\bnpm_[A-Za-z0-9]{36}\b|_authToken\s*=\s*[A-Za-z0-9_-]{20,}/,
  "a login of apt": /^machine \S+ login \S+ password \S+/m,
};
const chunk = 1 << 20;
/** What is longer is not found where it lies across two chunks. */
const overlap = 8_192;
/** Shorter ones are found everywhere and prove nothing. */
const shortest = 8;

/** Secrets that this machine has and an image must not: the stack's, the package source's, npm's. */
export function knownSecrets(settings: Settings): string[] {
  const values = secretKeys.map((path) => path.split(".").reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], settings)).filter((value) => typeof value === "string");
  const npmrc = join(homedir(), ".npmrc");
  const npm = existsSync(npmrc) ? [...readFileSync(npmrc, "utf8").matchAll(/_(?:authToken|auth|password)\s*=\s*"?([^\s"]+)/g)].map(([, token]) => token!) : [];
  // Of a line of apt's auth.conf the password alone, and as HTTP sends it.
  return [...values, ...npm].flatMap((value) => {
    const [, user, password] = /\blogin (\S+) password (\S+)/.exec(value) ?? [];
    const whole = password === undefined ? [value] : [password, Buffer.from(`${user}:${password}`).toString("base64")];
    return [...whole, ...(user === undefined ? [Buffer.from(value).toString("base64").replace(/=+$/, "")] : [])];
  }).filter((value) => value.length >= shortest);
}

/** Where an image has a secret: a sentence each, without the secret. */
export function secretsIn({ layers, configBytes }: SavedImage, known: readonly string[]): string[] {
  const found = new Set<string>();
  const needles = known.map((secret) => Buffer.from(secret));
  for (const what of search(configBytes, needles)) found.add(`its history or configuration has ${what}.`);
  layers.forEach((layer, index) => {
    for (const entry of tarEntries(layer)) {
      for (const what of searchExtent(entry.content, needles)) found.add(`${pathOf(entry.name)} in layer ${index + 1} of ${layers.length} has ${what}.`);
    }
  });
  return [...found];
}

function searchExtent({ fd, offset, length }: Extent, needles: readonly Buffer[]): string[] {
  const found = new Set<string>();
  // A cryptographic library has keys in its program, to test itself with.
  const isProgram = length > 4 && readAt(fd, offset, 4).equals(Buffer.from("\x7fELF", "latin1"));
  for (let at = 0; at < length; at += chunk) for (const what of search(readAt(fd, offset + at, Math.min(chunk + overlap, length - at)), needles, !isProgram)) found.add(what);
  return [...found];
}

function search(bytes: Buffer, needles: readonly Buffer[], byLooks = true): string[] {
  const found = needles.some((needle) => bytes.includes(needle)) ? ["a secret of this stack or machine"] : [];
  if (!byLooks) return found;
  const text = bytes.toString("latin1");
  for (const [what, pattern] of Object.entries(patterns)) if (pattern.test(text)) found.push(what);
  return found;
}
