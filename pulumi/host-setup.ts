/**
 * What a host of a stack is set up with, by `./houseline prepare` and by the cloud's first start alike: files, packages, and what is done with
 * them. Pure: a test compares it, and nothing here knows whether it goes over SSH or into cloud-init.
 */

export interface SetupFile { path: string; mode: string; content: string }

/** Debian's and Ubuntu's own packages; Docker's client is one of its own since Debian 13. */
export const packages = ["docker.io", "iptables", "ca-certificates", "unattended-upgrades"] as const;
export const clientPackage = "docker-cli";

/** An update of these restarts Docker: that is done by a person (`./houseline prepare` again), not at night. */
export const heldPackages = ["docker.io", "docker-cli", "containerd", "runc"] as const;

/** Where others may have a configuration of their own: it is never overwritten. */
export const dockerConfigPath = "/etc/docker/daemon.json";

export const setupFiles: readonly SetupFile[] = [
  {
    path: dockerConfigPath, mode: "0644",
    // Containers, and calls in them, outlive a restart of Docker. (dockerd's documentation, "Live restore")
    content: `${JSON.stringify({ "live-restore": true, "log-driver": "json-file", "log-opts": { "max-size": "10m", "max-file": "5" } }, null, 2)}\n`,
  },
  {
    path: "/etc/sysctl.d/60-houseline.conf", mode: "0644",
    content: `# Of Houseline. No container of it has privileges: ports from 80 are for everybody, so that an edge may listen on them.
net.ipv4.ip_unprivileged_port_start = 80
# Media comes in bursts when a host is busy for a moment: 4 MB of it may wait.
net.core.rmem_max = 4194304
net.core.wmem_max = 4194304
net.core.netdev_max_backlog = 5000
# Many sockets of people who come back at once.
net.core.somaxconn = 4096
fs.file-max = 1048576
`,
  },
  {
    path: "/etc/apt/apt.conf.d/60houseline", mode: "0644",
    content: `// Of Houseline. Security updates come every night, and restart neither Docker nor the host.
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
Unattended-Upgrade::Automatic-Reboot "false";
Unattended-Upgrade::Package-Blacklist { ${heldPackages.map((name) => `"^${name.replaceAll(".", "\\\\.")}$";`).join(" ")} };
`,
  },
  {
    // Ubuntu restarts services whose libraries were updated.
    path: "/etc/needrestart/conf.d/60-houseline.conf", mode: "0644",
    content: "# Of Houseline.\n$nrconf{override_rc}{qr(^(docker|containerd))} = 0;\n1;\n",
  },
];

/** Logging in by keys alone. (sshd_config(5); the first value given for a keyword is the one that counts, and these files are read first) */
export const sshFile: SetupFile = {
  path: "/etc/ssh/sshd_config.d/10-houseline.conf", mode: "0644",
  content: `# Of Houseline.
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
X11Forwarding no
MaxAuthTries 4
LoginGraceTime 30
`,
};

const put = ({ path, mode, content }: SetupFile): string => `mkdir -p "$(dirname ${path})"
cat > ${path}.houseline <<'HOUSELINE'
${content}HOUSELINE
chmod ${mode} ${path}.houseline
${path === dockerConfigPath ? `[ -e ${path} ] && rm ${path}.houseline || mv ${path}.houseline ${path}` : `mv ${path}.houseline ${path}`}`;

/**
 * The whole as one shell script for root on Debian or Ubuntu, which may be repeated: what is there already stays as it is.
 *
 * @param hardenSsh logging in by passwords ends
 */
export function setupScript({ hardenSsh }: { hardenSsh: boolean }): string {
  return `set -eu
export DEBIAN_FRONTEND=noninteractive
say() { echo "step: $*"; }
apt() { apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold "$@"; }
say "settings"
${setupFiles.map(put).join("\n")}
sysctl -q -e -p /etc/sysctl.d/60-houseline.conf || true
say "packages"
# A person asked for it now: what is held otherwise may be renewed.
apt-mark unhold ${heldPackages.join(" ")} > /dev/null 2>&1 || true
apt update > /dev/null
wanted="${packages.join(" ")}"
apt-cache show ${clientPackage} > /dev/null 2>&1 && wanted="$wanted ${clientPackage}"
# Docker from another source (docker-ce) is left as it is.
if command -v dockerd > /dev/null && ! dpkg -s docker.io > /dev/null 2>&1; then wanted=$(echo "$wanted" | sed 's/docker\\.io//; s/${clientPackage}//'); fi
apt install --no-install-recommends $wanted > /dev/null
for name in ${heldPackages.join(" ")}; do dpkg -s "$name" > /dev/null 2>&1 && apt-mark hold "$name" > /dev/null; done
say "Docker"
if [ -d /run/systemd/system ]; then systemctl enable --now docker > /dev/null 2>&1; else service docker start > /dev/null 2>&1 || true; fi
n=0; until docker version > /dev/null 2>&1; do n=$((n + 1)); [ $n -lt 60 ] || { echo "Docker was installed and does not answer" >&2; exit 1; }; sleep 1; done
# A Docker that ran before has its settings yet to read; live-restore is one that it takes while it runs.
kill -HUP "$(cat /var/run/docker.pid)" 2> /dev/null || true
${hardenSsh ? `say "SSH"
${put(sshFile)}
mkdir -p /run/sshd
if ! sshd -t; then rm ${sshFile.path}; echo "the SSH server refuses ${sshFile.path}, which was removed again" >&2; exit 1; fi
if [ -d /run/systemd/system ]; then systemctl reload ssh; else kill -HUP "$(cat /run/sshd.pid)"; fi
` : ""}say "done"
`;
}
