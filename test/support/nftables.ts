import type { Rule } from "../../pulumi/hcloud/firewall.ts";

/** The same rules in the kernel of a machine of the tests: what no rule names is dropped, answers to what went out are let in. (nft(8)) */
export function nftRules(rules: readonly Rule[]): string {
  const lines = rules.flatMap(({ protocol, port, sourceIps }) => sourceIps.map((range) => {
    const family = range.includes(":") ? "ip6" : "ip";
    const from = /\/0$/.test(range) ? `meta nfproto ${family === "ip" ? "ipv4" : "ipv6"}` : `${family} saddr ${range}`;
    if (protocol === "icmp") return family === "ip" ? `${from} meta l4proto 1 accept` : `${from} meta l4proto 58 accept`;
    return `${from} ${protocol} dport ${port} accept`;
  }));
  return `table inet cloud {\n  chain input {\n    type filter hook input priority 0; policy drop;\n    iif lo accept\n    ct state established,related accept\n${lines.map((line) => `    ${line}`).join("\n")}\n  }\n}\n`;
}
