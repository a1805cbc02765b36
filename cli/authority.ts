import { X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../pulumi/process.ts";
import { certifiedNames, tlsKindOf } from "../pulumi/sites.ts";
import type { Settings } from "../pulumi/settings.ts";
import { authorityOf } from "../pulumi/tls.ts";
import { Failure } from "./failure.ts";
import { writeWhole } from "./whole-file.ts";

const rootDays = 7_300;
const intermediateDays = 1_095;
/** An intermediate that ends within this is replaced by the next `up`. */
const renewMs = 365 * 86_400_000;

/**
 * Makes the stack's private certificate authority, or what of it is due: a root, whose key never leaves this machine, and an
 * intermediate for the edges, which sign certificates of a week with it, for the stack's own names and no others (RFC 5280, 4.2.1.10).
 * Browsers that trust the root trust every later intermediate.
 *
 * @param directory the stack's own
 */
export async function makeAuthority(settings: Pick<Settings, "site" | "switchSite" | "hosts" | "turn" | "tls">, directory: string): Promise<void> {
  if (tlsKindOf(settings) !== "private") return;
  const files = authorityOf(directory);
  const names = certifiedNames(settings);
  mkdirSync(join(directory, "authority"), { recursive: true, mode: 0o700 });
  const folder = mkdtempSync(join(directory, "authority", ".making-"));
  const at = (name: string) => join(folder, name);
  const keep = (name: string, path: string) => writeWhole(path, readFileSync(at(name), "utf8"));
  try {
    if (!existsSync(files.rootKey) || !existsSync(files.root)) {
      await openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", at("root.key"), "-out", at("root.crt"), "-days", String(rootDays), "-subj", `/CN=Houseline private authority of ${settings.site}`.slice(0, 60),
        "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign");
      // The certificate last: it says that the key is there.
      keep("root.key", files.rootKey);
      keep("root.crt", files.root);
    }
    if (isGood(files, names)) return;
    writeFileSync(at("extensions"), extensions(names));
    await openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", at("intermediate.key"), "-out", at("request"), "-subj", "/CN=Houseline edges");
    await openssl("x509", "-req", "-in", at("request"), "-CA", files.root, "-CAkey", files.rootKey, "-set_serial", `0x${crypto.randomUUID().replaceAll("-", "")}`, "-days", String(intermediateDays), "-sha256", "-extfile", at("extensions"), "-out", at("intermediate.crt"));
    keep("intermediate.key", files.intermediateKey);
    keep("intermediate.crt", files.intermediate);
    writeWhole(join(directory, "authority", "names"), names.join("\n"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }

  function isGood({ root, intermediate, intermediateKey }: typeof files, wanted: readonly string[]): boolean {
    const named = join(directory, "authority", "names");
    if (![intermediate, intermediateKey, named].every((path) => existsSync(path)) || readFileSync(named, "utf8") !== wanted.join("\n")) return false;
    const certificate = new X509Certificate(readFileSync(intermediate));
    return certificate.verify(new X509Certificate(readFileSync(root)).publicKey) && certificate.validToDate.getTime() - Date.now() > renewMs;
  }
}

/** An intermediate that signs for these names alone, and no other authority. */
function extensions(names: readonly string[]): string {
  const permitted = names.map((name, index) => /^[0-9.]+$/.test(name) ? `permitted;IP.${index} = ${name}/255.255.255.255` : `permitted;DNS.${index} = ${name}`);
  // Of a kind that is not named any name would do.
  const excluded = [...(names.some((name) => !/^[0-9.]+$/.test(name)) ? [] : ["excluded;DNS.9 = ."]), ...(names.some((name) => /^[0-9.]+$/.test(name)) ? [] : ["excluded;IP.9 = 0.0.0.0/0.0.0.0", "excluded;IP.10 = 0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0"])];
  return `basicConstraints=critical,CA:TRUE,pathlen:0
keyUsage=critical,keyCertSign,cRLSign
extendedKeyUsage=serverAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
nameConstraints=critical,@names
[names]
${[...permitted, ...excluded].join("\n")}
`;
}

async function openssl(...words: string[]): Promise<void> {
  const { code, stderr } = await run("openssl", words, { timeoutSeconds: 60 }).catch(() => ({ code: 1, stderr: "there is no 'openssl' on this machine: type 'apt-get install openssl'" }));
  if (code !== 0) throw new Failure(`The stack's private certificate authority could not be made (${stderr.trim().split("\n").at(-1)}). Nothing was changed.`);
}
