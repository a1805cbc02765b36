import { describe, expect, it } from "vitest";
import type { Servers } from "../port-ranges.ts";
import { readSettings } from "../settings.ts";
import { firewallViolations } from "../violations.ts";
import { firewallRules } from "./firewall.ts";

const settings = readSettings({ hosts: { kind: "ssh", softswitch: { ssh: "root@h", public: "203.0.113.1" } }, switch: { kind: "lab" }, site: "phone.internal", ports: { applicationEdge: 443, switchEdge: 8_443 } }, {}, "x");
const { ports } = settings;
const sshFrom = ["203.0.113.0/24", "2001:db8::/48"];
const open = (servers: Servers, turn = false) => firewallRules(servers, ports, sshFrom, turn).map(({ protocol, port = "", sourceIps }) => `${protocol} ${port} ${sourceIps.join(" ")}`);

describe("the firewall of a host", () => {
  it("opens what the host has, over IPv4 and IPv6, and nothing else", () => {
    const ssh = "tcp 22 203.0.113.0/24 2001:db8::/48";
    expect(open("softswitch")).toEqual(["tcp 8443 0.0.0.0/0 ::/0", "udp 16384-32763 0.0.0.0/0 ::/0", ssh, "icmp  0.0.0.0/0 ::/0"]);
    expect(open("application")).toEqual(["tcp 443 0.0.0.0/0 ::/0", ssh, "icmp  0.0.0.0/0 ::/0"]);
    expect(open("both")).toHaveLength(5);
  });

  it("opens the relay's ports where the switch is, when there is a relay", () => {
    const more = (servers: Servers) => open(servers, true).filter((rule) => !open(servers).includes(rule));
    expect(more("softswitch")).toEqual(["tcp 3478 0.0.0.0/0 ::/0", "tcp 5349 0.0.0.0/0 ::/0"]);
    expect(more("both")).toEqual(more("softswitch"));
    expect(more("application")).toEqual([]);
    expect([open("standby"), more("standby")]).toEqual([open("softswitch"), []]);
  });

  it("is as the program's own guard rails want it", () => {
    const withRelay = { ports, turn: { ...settings.turn, enabled: true } };
    for (const servers of ["softswitch", "application", "both", "standby"] as const) {
      expect(firewallViolations("x", { rules: firewallRules(servers, ports, sshFrom) }, settings)).toEqual([]);
      expect(firewallViolations("x", { rules: firewallRules(servers, ports, sshFrom, true) }, withRelay)).toEqual([]);
    }
    expect(firewallViolations("x", { rules: firewallRules("softswitch", ports, sshFrom, true) }, settings)).toHaveLength(2);
  });
});
