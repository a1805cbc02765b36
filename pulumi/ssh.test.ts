import { describe, expect, it } from "vitest";
import { parseLogin, sshConfig, unreachable } from "./ssh.ts";

const host = { ...parseLogin("admin@203.0.113.10:2222"), hostKey: "ssh-ed25519 AAAAC3Nz" };

describe("a login on another machine", () => {
  it("is read", () => {
    expect(host).toMatchObject({ user: "admin", name: "203.0.113.10", port: 2_222 });
    expect(parseLogin("root@media.example.com").port).toBe(22);
  });

  it("is made only with the host's own key, and asks nothing", () => {
    const lines = sshConfig([host], "/s/known_hosts", "/tmp/c", "/home/a/.ssh/id").split("\n").map((line) => line.trim());
    expect(lines).toEqual(expect.arrayContaining(["Host 203.0.113.10", "BatchMode yes", "StrictHostKeyChecking yes", 'UserKnownHostsFile "/s/known_hosts"', "GlobalKnownHostsFile /dev/null", 'IdentityFile "/home/a/.ssh/id"']));
    // What the user has configured for everybody comes after, where it can't change that.
    expect(lines.indexOf("Include ~/.ssh/config")).toBeGreaterThan(lines.indexOf("StrictHostKeyChecking yes"));
  });

  it.each([
    ["Host key verification failed.", "shows another key than the one in the stack's configuration"],
    ["admin@203.0.113.10: Permission denied (publickey).", "refuses this login"],
    ["ssh: connect to host 203.0.113.10 port 2222: Connection refused", "can't be reached over SSH (ssh: connect to host 203.0.113.10 port 2222: Connection refused)"],
    ["ssh: Could not resolve hostname x: Name or service not known", "is not known by that name"],
  ])("that fails with %s is told in words", (said, sentence) => {
    expect(unreachable(host, said)).toContain(`The host admin@203.0.113.10:2222 ${sentence}`);
  });
});
