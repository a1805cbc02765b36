import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { setupScript } from "../host-setup.ts";
import { cloudConfig, setupTag } from "./cloud-init.ts";

const hostKey = { publicKey: "ssh-ed25519 AAAAC3Nz", privateKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n-----END OPENSSH PRIVATE KEY-----\n" };

describe("the first start of a host at Hetzner Cloud", () => {
  const text = cloudConfig({ privateAddress: "10.20.0.2", hostKey });
  const config = parse(text) as { ssh_keys: Record<string, string>; write_files: { path: string; content: string; permissions: string }[]; [key: string]: unknown };
  const script = config.write_files[0]!;

  it("is a document of cloud-init with the key that the host must show", () => {
    expect(text.startsWith("#cloud-config\n")).toBe(true);
    expect(config.ssh_keys).toEqual({ ed25519_private: hostKey.privateKey, ed25519_public: hostKey.publicKey });
    expect(config).toMatchObject({ ssh_pwauth: false, disable_root: false });
    expect(Buffer.byteLength(text)).toBeLessThan(32_768);
  });

  it("waits for the private network, and does what prepare does", () => {
    expect(script.permissions).toBe("0700");
    expect(script.content.indexOf("10\\.20\\.0\\.2/")).toBeGreaterThan(0);
    expect(script.content.indexOf("10\\.20\\.0\\.2/")).toBeLessThan(script.content.indexOf(setupScript({ hardenSsh: true })));
  });

  it("matches the snapshot", () => {
    expect(config.write_files.map(({ path }) => path)).toMatchInlineSnapshot(`
      [
        "/usr/local/sbin/houseline-first-start",
        "/etc/systemd/system/houseline-metadata.service",
      ]
    `);
    expect(config.runcmd).toMatchInlineSnapshot(`
      [
        [
          "sh",
          "-c",
          "sh /usr/local/sbin/houseline-first-start > /var/log/houseline-first-start.log 2>&1 && echo ready > /var/lib/houseline-first-start || tail -n 8 /var/log/houseline-first-start.log > /var/lib/houseline-first-start",
        ],
      ]
    `);
    expect(script.content).toMatchSnapshot();
  });

  it("has a tag that the host's key doesn't change, and the image and the first start do", () => {
    const tag = setupTag("debian-12", { privateAddress: "10.20.0.2" });
    expect(tag).toMatch(/^[0-9a-f]{12}$/);
    expect(setupTag("debian-13", { privateAddress: "10.20.0.2" })).not.toBe(tag);
    expect(setupTag("debian-12", { privateAddress: "10.20.0.3" })).not.toBe(tag);
  });
});
