import type { HostFacts } from "./host-facts.ts";

/** Something that was looked at on a host: there, missing, or there and better otherwise. */
export interface Finding { state: "found" | "missing" | "advice"; sentence: string }

/** Systems that `./houseline prepare` sets up, with their oldest release. */
const preparable: Record<string, number> = { debian: 12, ubuntu: 22.04 };
const leastMemory = 1_800;
const leastDisk = 4_000;
const mostSkewMs = 5_000;

export function canPrepare({ os, release }: Pick<HostFacts, "os" | "release">): boolean {
  const oldest = preparable[os];
  return oldest !== undefined && Number(release) >= oldest;
}

/**
 * What a host has and lacks, whatever stack is to come.
 *
 * @param prepare the command that sets it up, where that is possible
 * @param now milliseconds since 1970, here
 */
export function findings(facts: HostFacts, prepare: string, now: number): Finding[] {
  const mend = canPrepare(facts) ? `type ${prepare}` : undefined;
  const check = (holds: boolean, there: string, lacking: string, byHand: string, state: "missing" | "advice" = "missing"): Finding => holds
    ? { state: "found", sentence: there } : { state, sentence: `${lacking}: ${mend ?? byHand}` };
  const plain = (holds: boolean, there: string, lacking: string, state: "missing" | "advice" = "missing"): Finding => ({ state: holds ? "found" : state, sentence: holds ? there : lacking });
  const skew = Math.round((facts.clock - now) / 1_000);
  return [
    plain(/^(x86_64|aarch64)$/.test(facts.machine), `processor ${facts.machine}`, `processor ${facts.machine}: images are made for amd64 and arm64 alone`),
    plain(canPrepare(facts), `${facts.os} ${facts.release}`, `${facts.os || "a system that doesn't say its name"} ${facts.release}: './houseline prepare' knows Debian 12 and Ubuntu 22.04 and newer; what is missing below is to be done by hand`, "advice"),
    check(isDocker(facts.docker), `Docker Engine ${facts.docker}`, facts.docker === "" ? "Docker Engine (none answers to this login)" : `Docker Engine 20.10 or newer (it has ${facts.docker})`, "install and start it by the system's package manager, and log in as root or as a member of the group 'docker'"),
    check(facts.liveRestore, "Docker's live-restore: containers outlive its restart", "Docker's live-restore, without which its restart ends every call", `add "live-restore": true to /etc/docker/daemon.json and type 'systemctl reload docker'`, "advice"),
    check(facts.firstPort <= 80, `ports from ${facts.firstPort} for everybody`, `ports below ${facts.firstPort} are root's, and an edge could not listen on 443`, "write 'net.ipv4.ip_unprivileged_port_start = 80' into /etc/sysctl.d and type 'sysctl --system'"),
    ...(facts.receiveBuffer === 0 ? [] : [check(facts.receiveBuffer >= 4_194_304, "buffers for media", `buffers for media (net.core.rmem_max is ${facts.receiveBuffer})`, "write 'net.core.rmem_max = 4194304' into /etc/sysctl.d and type 'sysctl --system'", "advice")]),
    check(facts.updates, "security updates by themselves", "security updates by themselves", "turn them on, without restarts of Docker or the host", "advice"),
    ...(facts.passwords === undefined ? [] : [plain(!facts.passwords, "SSH by keys alone", `SSH lets people in by passwords: ${canPrepare(facts) ? `${prepare} --harden-ssh ends that` : "set 'PasswordAuthentication no'"}`, "advice")]),
    plain(facts.memoryMegabytes >= leastMemory, `${facts.memoryMegabytes} MB of memory`, `${facts.memoryMegabytes} MB of memory: a server with its edge wants 2 GB`),
    plain(facts.freeMegabytes >= leastDisk, `${facts.freeMegabytes} MB free for images`, `${facts.freeMegabytes} MB free for images: ${leastDisk} MB are wanted`),
    plain(Math.abs(skew) * 1_000 <= mostSkewMs, "its clock", `its clock is ${Math.abs(skew)} s ${skew > 0 ? "ahead of" : "behind"} this machine's: certificates and sign-in need the right time ('timedatectl set-ntp true')`),
  ];
}

const isDocker = (version: string) => {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 20 || (major === 20 && minor >= 10);
};
