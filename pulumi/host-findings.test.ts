import { describe, expect, it } from "vitest";
import { canPrepare, findings } from "./host-findings.ts";
import { readFacts } from "./host-facts.ts";

const said = "os=debian\nrelease=12\nmachine=x86_64\nuser=0\ndocker=20.10.24+dfsg1\naddresses=203.0.113.10\nliveRestore=true\nmemory=3840\nfree=30000\nreceiveBuffer=4194304\nupdates=1\npasswords=no\nclock=1790000000\nfirstPort=80\n";
const now = 1_790_000_000_000;
const told = (change: Record<string, string>, at = now) => findings(readFacts(Object.entries(change).reduce((text, [key, value]) => text.replace(new RegExp(`^${key}=.*$`, "m"), `${key}=${value}`), said)), "./houseline prepare root@h", at);
const wrong = (...args: Parameters<typeof told>) => told(...args).filter(({ state }) => state !== "found").map(({ state, sentence }) => `${state}: ${sentence}`);

describe("what a doctor finds on a host", () => {
  it("is nothing on one that was prepared", () => {
    expect(wrong({})).toEqual([]);
  });

  it("is everything on an empty one, with the command that mends it", () => {
    expect(wrong({ docker: "", liveRestore: "", firstPort: "1024", receiveBuffer: "212992", updates: "0", passwords: "yes" })).toEqual([
      "missing: Docker Engine (none answers to this login): type ./houseline prepare root@h",
      "advice: Docker's live-restore, without which its restart ends every call: type ./houseline prepare root@h",
      "missing: ports below 1024 are root's, and an edge could not listen on 443: type ./houseline prepare root@h",
      "advice: buffers for media (net.core.rmem_max is 212992): type ./houseline prepare root@h",
      "advice: security updates by themselves: type ./houseline prepare root@h",
      "advice: SSH lets people in by passwords: ./houseline prepare root@h --harden-ssh ends that",
    ]);
  });

  it("is told to be done by hand where prepare doesn't know the system", () => {
    expect(canPrepare({ os: "fedora", release: "42" })).toBe(false);
    const lines = wrong({ os: "fedora", release: "42", docker: "", firstPort: "1024" });
    expect(lines[0]).toMatch(/^advice: fedora 42: .*by hand\.?$/);
    expect(lines[1]).toContain("install and start it by the system's package manager");
    expect(lines[2]).toContain("net.ipv4.ip_unprivileged_port_start = 80");
  });

  it("is a Docker, a processor, a memory, a disk or a clock that won't do", () => {
    expect(wrong({ docker: "19.03.8" })[0]).toContain("Docker Engine 20.10 or newer (it has 19.03.8)");
    expect(wrong({ machine: "riscv64" })[0]).toContain("images are made for amd64 and arm64 alone");
    expect(wrong({ memory: "900", free: "100" })).toHaveLength(2);
    expect(wrong({}, now + 60_000)[0]).toContain("its clock is 60 s behind this machine's");
  });
});
