import { existsSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { X509Certificate, createPrivateKey } from "node:crypto";
import { Refusal } from "./refusal.ts";
import { certifiedNames, tlsKindOf, type TlsKind } from "./sites.ts";
import type { Settings } from "./settings.ts";

/**
 * How an edge proves who it is: by nothing (plain http on this machine), by a certificate that it is given, by such that it signs itself with
 * the stack's private authority, or by such that it gets by ACME (RFC 8555).
 */
export interface Tls {
  kind: TlsKind;
  /** Files under `/run/secrets` of an edge. */
  files: Record<string, string>;
  environment: Record<string, string>;
}

/** More than any certificate with its chain has. */
const longest = 256 * 1_024;

/** Where a stack keeps its private authority. */
export const authorityOf = (directory: string) => {
  const file = (name: string) => join(directory, "authority", name);
  return { root: file("root.crt"), rootKey: file("root.key"), intermediate: file("intermediate.crt"), intermediateKey: file("intermediate.key") };
};

/**
 * What the stack's edges are given.
 *
 * @param directory the stack's own, with its private authority
 * @throws Refusal when a file is missing, or doesn't fit
 */
export function tlsOf(settings: Pick<Settings, "site" | "switchSite" | "hosts" | "turn" | "tls">, directory: string): Tls {
  const kind = tlsKindOf(settings);
  if (kind === "off") return { kind, files: {}, environment: {} };
  if (kind === "acme") return acme(settings.tls);
  if (kind === "files") {
    const [certificate, key] = [read("certificate", settings.tls.certificate!), read("key", settings.tls.key!)];
    refuseUnfit(certificate, key, certifiedNames(settings), new Date());
    return { kind, files: { "tls-certificate": certificate, "tls-key": key }, environment: {} };
  }
  const authority = authorityOf(directory);
  if (!existsSync(authority.intermediateKey)) throw new Refusal("The stack has no private certificate authority here: './houseline up' makes it. With Pulumi alone give certificates as files ('houseline:tls.kind').");
  const text = (path: string) => readFileSync(path, "utf8");
  return { kind, environment: {}, files: { "tls-root": text(authority.root), "tls-intermediate": text(authority.intermediate), "tls-intermediate-key": text(authority.intermediateKey) } };
}

function acme({ email, acmeDirectory, acmeRoot }: Settings["tls"]): Tls {
  return {
    kind: "acme",
    environment: { HOUSELINE_ACME_DIRECTORY: acmeDirectory, ...(email === undefined ? {} : { HOUSELINE_ACME_EMAIL: email }) },
    files: acmeRoot === undefined ? {} : { "tls-acme-root": read("acmeRoot", acmeRoot) },
  };
}

function read(key: "certificate" | "key" | "acmeRoot", given: string): string {
  const path = given.replace(/^~(?=\/)/, homedir());
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile()) throw new Refusal(`'houseline:tls.${key}' is ${given}: there is no such file on this machine. Nothing was changed.`);
  if (stat.size > longest) throw new Refusal(`'houseline:tls.${key}' is ${given}, which has ${stat.size} bytes: that is no PEM file of a ${key}. Nothing was changed.`);
  return readFileSync(path, "utf8");
}

/** Nothing is deployed with a certificate that browsers would refuse. */
export function refuseUnfit(certificate: string, key: string, names: readonly string[], now: Date): void {
  let parsed: X509Certificate;
  try {
    parsed = new X509Certificate(certificate);
  } catch {
    throw new Refusal("'houseline:tls.certificate' is no certificate in PEM form ('-----BEGIN CERTIFICATE-----', the server's own first, then the chain). Nothing was changed.");
  }
  let fits = false;
  try {
    fits = parsed.checkPrivateKey(createPrivateKey(key));
  } catch {
    throw new Refusal("'houseline:tls.key' is no private key in PEM form without a passphrase. Nothing was changed.");
  }
  if (!fits) throw new Refusal("'houseline:tls.key' is the key of another certificate than 'houseline:tls.certificate'. Nothing was changed.");
  if (parsed.validToDate <= now) throw new Refusal(`'houseline:tls.certificate' ended on ${parsed.validToDate.toISOString().slice(0, 10)}. Get a new one. Nothing was changed.`);
  if (parsed.validFromDate > now) throw new Refusal(`'houseline:tls.certificate' begins on ${parsed.validFromDate.toISOString()}, and it is ${now.toISOString()}: is this machine's clock right? Nothing was changed.`);
  for (const name of names) {
    const matches = /^[0-9.]+$/.test(name) ? parsed.checkIP(name) : parsed.checkHost(name);
    if (matches === undefined) throw new Refusal(`'houseline:tls.certificate' is for ${parsed.subjectAltName ?? parsed.subject}, and not for ${name}, which browsers are to use. Nothing was changed.`);
  }
}
