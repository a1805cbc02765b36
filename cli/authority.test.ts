import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../pulumi/process.ts";
import { readSettings } from "../pulumi/settings.ts";
import { authorityOf, refuseUnfit, tlsOf } from "../pulumi/tls.ts";
import { makeAuthority } from "./authority.ts";

const standby = { site: "switch2.example.com" };
const settings = { site: "phone.example.com", switchSite: "switch.example.com", hosts: { ...readSettings({}, {}, "x").hosts, kind: "ssh" as const, standby }, turn: { enabled: true, site: "turn.example.com" }, tls: { kind: "private" as const, acmeDirectory: "" } };

describe("a stack's private authority", () => {
  let directory: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "houseline-authority-"));
    await makeAuthority(settings, directory);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const at = (name: string) => join(directory, name);
  const openssl = (...words: string[]) => run("openssl", words);

  /** As an edge does it. */
  async function signed(name: string): Promise<void> {
    await openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", at("leaf.key"), "-out", at("leaf.csr"), "-subj", "/CN=x", "-addext", `subjectAltName=DNS:${name}`);
    const { intermediate, intermediateKey } = authorityOf(directory);
    await openssl("x509", "-req", "-in", at("leaf.csr"), "-CA", intermediate, "-CAkey", intermediateKey, "-days", "7", "-copy_extensions", "copy", "-out", at("leaf.crt"));
  }
  const verified = async () => (await openssl("verify", "-CAfile", authorityOf(directory).root, "-untrusted", authorityOf(directory).intermediate, at("leaf.crt"))).code === 0;

  it("signs for the stack's names, and whoever has an edge's key can sign for no other", async () => {
    await signed("phone.example.com");
    expect(await verified()).toBe(true);
    for (const other of ["switch2.example.com", "turn.example.com"]) {
      await signed(other);
      expect(await verified(), other).toBe(true);
    }
    await signed("bank.example.com");
    expect(await verified()).toBe(false);
  });

  it("gives the edges no key of the root's, and no other user a look", () => {
    const { root, rootKey } = authorityOf(directory);
    const { files } = tlsOf(settings, directory);
    expect(Object.keys(files)).toEqual(["tls-root", "tls-intermediate", "tls-intermediate-key"]);
    expect(Object.values(files).join("")).not.toContain(readFileSync(rootKey, "utf8").split("\n")[1]);
    for (const path of [rootKey, root]) expect(statSync(path).mode & 0o077).toBe(0);
  });

  it("stays as it is; other names have another intermediate under the same root", async () => {
    const text = (which: "root" | "intermediate") => readFileSync(authorityOf(directory)[which], "utf8");
    const [root, intermediate] = [text("root"), text("intermediate")];
    await makeAuthority(settings, directory);
    expect(text("intermediate")).toBe(intermediate);
    await makeAuthority({ ...settings, site: "telephone.example.com" }, directory);
    expect([text("root"), text("intermediate") === intermediate]).toEqual([root, false]);
    expect(new X509Certificate(text("intermediate")).verify(new X509Certificate(root).publicKey)).toBe(true);
  });

  it("a certificate given as a file is refused in words when it doesn't fit", async () => {
    await openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", at("own.key"), "-out", at("own.crt"), "-days", "30", "-subj", "/CN=x", "-addext", "subjectAltName=DNS:phone.example.com,IP:203.0.113.10");
    const [certificate, key, other] = ["own.crt", "own.key", "leaf.key"].map((name) => readFileSync(at(name), "utf8")) as [string, string, string];
    const now = new Date();
    expect(() => refuseUnfit(certificate, key, ["phone.example.com", "203.0.113.10"], now)).not.toThrow();
    expect(() => refuseUnfit(certificate, key, ["switch.example.com"], now)).toThrow("is for DNS:phone.example.com, IP Address:203.0.113.10, and not for switch.example.com");
    expect(() => refuseUnfit(certificate, other, ["phone.example.com"], now)).toThrow("is the key of another certificate");
    expect(() => refuseUnfit(certificate, key, ["phone.example.com"], new Date(now.getTime() + 31 * 86_400_000))).toThrow("ended on");
    expect(() => refuseUnfit("nothing", key, ["phone.example.com"], now)).toThrow("is no certificate in PEM form");
  });
});
