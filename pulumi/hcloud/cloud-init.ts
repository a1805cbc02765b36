import { createHash } from "node:crypto";
import { stringify } from "yaml";
import { setupScript } from "../host-setup.ts";

/** The key by which a host proves who it is: made before the host, so that even the first connection is to it and nobody else. */
export interface HostKey { publicKey: string; privateKey: string }

export interface FirstStart {
  /** The host's address in the private network, which the cloud attaches after the host has begun to start. */
  privateAddress?: string;
  hostKey: HostKey;
}

/** Where a host says how its first start ended: `ready`, or what went wrong. */
export const readyFile = "/var/lib/houseline-first-start";

const scriptFile = "/usr/local/sbin/houseline-first-start";

/** Containers share the host's network, and what the cloud tells of a host (its key among it) is none of their business. */
const metadataUnit = {
  path: "/etc/systemd/system/houseline-metadata.service",
  content: `[Unit]
Description=The cloud's metadata is for root alone
After=network-pre.target
Before=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/iptables -w -I OUTPUT -d 169.254.169.254 -m owner ! --uid-owner 0 -j REJECT

[Install]
WantedBy=multi-user.target
`,
};

/**
 * What a host of Hetzner Cloud does at its first start, as cloud-init takes it: what `./houseline prepare --harden-ssh` does, and the key it must show.
 *
 * @returns `#cloud-config` (cloud-init's documentation, "Cloud config data")
 */
export function cloudConfig({ privateAddress, hostKey }: FirstStart): string {
  const document = {
    ssh_deletekeys: true,
    ssh_keys: { ed25519_private: hostKey.privateKey, ed25519_public: hostKey.publicKey },
    disable_root: false,
    ssh_pwauth: false,
    package_update: false,
    write_files: [
      { path: scriptFile, permissions: "0700", owner: "root:root", content: script(privateAddress) },
      { path: metadataUnit.path, permissions: "0644", owner: "root:root", content: metadataUnit.content },
    ],
    runcmd: [["sh", "-c", `sh ${scriptFile} > /var/log/houseline-first-start.log 2>&1 && echo ready > ${readyFile} || tail -n 8 /var/log/houseline-first-start.log > ${readyFile}`]],
  };
  return `#cloud-config\n${stringify(document, { lineWidth: 0 })}`;
}

function script(privateAddress: string | undefined): string {
  const wait = privateAddress === undefined ? "" : `# The private network is attached after the start has begun.
n=0
until ip -o -4 address show | grep -q ' ${privateAddress.replaceAll(".", "\\.")}/'; do
  n=$((n + 1)); [ $n -lt 300 ] || { echo "the host did not get its private address ${privateAddress} within 5 minutes"; exit 1; }
  sleep 1
done
`;
  return `#!/bin/sh
${wait}${setupScript({ hardenSsh: true })}
systemctl daemon-reload
systemctl enable --now houseline-metadata.service
`;
}

/** Twelve digits that tell one set-up from another; the host's key is no part of it. */
export function setupTag(image: string, first: Omit<FirstStart, "hostKey">): string {
  const config = cloudConfig({ ...first, hostKey: { publicKey: "", privateKey: "" } });
  return createHash("sha256").update(`${image}\n${config}`).digest("hex").slice(0, 12);
}
