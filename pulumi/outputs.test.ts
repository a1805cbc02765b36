import { expect, it } from "vitest";
import { stackOutputs } from "./outputs.ts";
import { readSettings } from "./settings.ts";

const key = "ssh-ed25519 AAAAC3Nz";
const read = (config: Record<string, unknown>) => readSettings({ switch: { kind: "lab" }, tls: { kind: "private" }, ...config }, {}, "Pulumi.production.yaml");

it("a stack on two hosts: the names for DNS, what the CRM is to be given, what is to be watched", () => {
  const outputs = stackOutputs(read({
    switch: { kind: "freeswitch" }, freeswitch: { apt: "deb http://deb.example.com bookworm main" },
    site: "phone.example.com", switchSite: "switch.example.com", ports: { applicationEdge: 443, switchEdge: 443 }, origins: "https://crm.example.com",
    signIn: { jwksUrl: "https://crm.example.com/jwks", jwtIssuer: "crm" }, turn: { enabled: true, site: "turn.example.com", address: "203.0.113.12" },
    hosts: { kind: "ssh", softswitch: { ssh: "root@203.0.113.10", hostKey: key, private: "10.0.0.2", public: "203.0.113.10", public6: "2001:db8::10", edge: "203.0.113.10" }, application: { ssh: "root@203.0.113.11", hostKey: key, private: "10.0.0.3" } },
  }));
  expect(outputs.dns).toEqual([
    { name: "phone.example.com", type: "A", address: "203.0.113.11" },
    { name: "switch.example.com", type: "A", address: "203.0.113.10" }, { name: "switch.example.com", type: "AAAA", address: "2001:db8::10" },
    { name: "turn.example.com", type: "A", address: "203.0.113.12" },
  ]);
  expect(outputs.crm).toEqual({
    library: "https://phone.example.com/houseline.js", control: "wss://phone.example.com/ws", api: "https://phone.example.com/api",
    contentSecurityPolicy: "script-src https://phone.example.com; connect-src wss://phone.example.com wss://switch.example.com; media-src blob:",
    origins: ["https://crm.example.com"], tokens: { keys: "https://crm.example.com/jwks", issuer: "crm" },
  });
  expect(outputs.monitoring).toEqual({ health: "https://phone.example.com/healthz", metrics: ["http://127.0.0.1:10022/metrics", "http://127.0.0.1:10023/metrics", "http://127.0.0.1:10024/metrics"] });
});

it("a stack on this machine needs no DNS, and shows no secret", () => {
  const outputs = stackOutputs(readSettings({ signIn: { jwtSecret: "s".repeat(40) } }, {}, "x"));
  expect(outputs.dns).toEqual([]);
  expect(outputs.crm).toMatchObject({ control: "ws://localhost:8080/ws", tokens: { keys: "shared secret" }, origins: [] });
  expect(JSON.stringify(outputs)).not.toContain("ssss");
});

it("one host with one name: one record, also where only its login tells the address of the page", () => {
  const { dns } = stackOutputs(read({ site: "phone.example.com", hosts: { kind: "ssh", softswitch: { ssh: "root@203.0.113.10", hostKey: key, public: "203.0.113.10" } } }));
  expect(dns).toEqual([{ name: "phone.example.com", type: "A", address: "203.0.113.10" }]);
});

it("several application servers: each one's name, control connection and health", () => {
  const hosts = { kind: "ssh", softswitch: { ssh: "root@203.0.113.10", hostKey: key, private: "10.0.0.2", public: "203.0.113.10" }, application: { ssh: "root@203.0.113.11", hostKey: key, private: "10.0.0.3" }, moreApplications: [{ ssh: "root@203.0.113.13", hostKey: key, private: "10.0.0.5", site: "phone2.example.com" }] };
  const { dns, crm, monitoring } = stackOutputs(read({ site: "phone.example.com", switchSite: "switch.example.com", secrets: { databaseUrl: "postgres://houseline:secret@10.0.0.9/houseline" }, hosts }));
  expect(dns).toContainEqual({ name: "phone2.example.com", type: "A", address: "203.0.113.13" });
  expect(crm).toMatchObject({
    control: "wss://phone.example.com:8080/ws", controls: ["wss://phone.example.com:8080/ws", "wss://phone2.example.com:8080/ws"],
    contentSecurityPolicy: "script-src https://phone.example.com:8080 https://phone2.example.com:8080; connect-src wss://phone.example.com:8080 wss://phone2.example.com:8080 wss://switch.example.com:8443; media-src blob:",
  });
  expect(monitoring.healths).toEqual(["https://phone.example.com:8080/healthz", "https://phone2.example.com:8080/healthz"]);
});

it("a softswitch in reserve: its name, and where pages connect to then", () => {
  const two = { softswitch: { ssh: "root@203.0.113.10", hostKey: key, private: "10.0.0.2", public: "203.0.113.10" }, application: { ssh: "root@203.0.113.11", hostKey: key, private: "10.0.0.3" } };
  const { dns, crm } = stackOutputs(read({ site: "phone.example.com", switchSite: "switch.example.com", hosts: { kind: "ssh", ...two, standby: { ssh: "root@203.0.113.12", hostKey: key, private: "10.0.0.4", public: "203.0.113.12", site: "switch2.example.com" } } }));
  expect(dns).toContainEqual({ name: "switch2.example.com", type: "A", address: "203.0.113.12" });
  expect(crm.contentSecurityPolicy).toContain("wss://switch2.example.com:8443");
});
