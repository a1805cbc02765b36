import { describe, expect, it } from "vitest";
import { readSettings } from "../settings.ts";
import { firewallViolations } from "../violations.ts";
import { firewallRules } from "./firewall.ts";

const { ports } = readSettings({ hosts: { kind: "ssh", softswitch: { ssh: "root@h", public: "203.0.113.1" } }, switch: { kind: "lab" }, site: "phone.internal", ports: { applicationEdge: 443, switchEdge: 8_443 } }, {}, "x");
const sshFrom = ["203.0.113.0/24", "2001:db8::/48"];
const open = (servers: "softswitch" | "application" | "both") => firewallRules(servers, ports, sshFrom).map(({ protocol, port = "", sourceIps }) => `${protocol} ${port} ${sourceIps.join(" ")}`);

describe("the firewall of a host", () => {
  it("opens what the host has, over IPv4 and IPv6, and nothing else", () => {
    const ssh = "tcp 22 203.0.113.0/24 2001:db8::/48";
    expect(open("softswitch")).toEqual(["tcp 8443 0.0.0.0/0 ::/0", "udp 16384-32763 0.0.0.0/0 ::/0", ssh, "icmp  0.0.0.0/0 ::/0"]);
    expect(open("application")).toEqual(["tcp 443 0.0.0.0/0 ::/0", ssh, "icmp  0.0.0.0/0 ::/0"]);
    expect(open("both")).toHaveLength(5);
  });

  it("is as the program's own guard rails want it", () => {
    for (const servers of ["softswitch", "application", "both"] as const) expect(firewallViolations("x", { rules: firewallRules(servers, ports, sshFrom) }, ports)).toEqual([]);
  });
});
