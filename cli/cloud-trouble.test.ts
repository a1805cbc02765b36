import { describe, expect, it } from "vitest";
import { readSettings } from "../pulumi/settings.ts";
import { isPassing, sentenceOf } from "./cloud-trouble.ts";

const settings = (hcloud: object = {}) => readSettings({ site: "phone.example.com", ports: { applicationEdge: 443, switchEdge: 8_443 }, switch: { kind: "lab" }, hosts: { kind: "hcloud", hcloud: { servers: 1, sshFrom: "203.0.113.0/24", ...hcloud } } }, {}, "Pulumi.production.yaml");
const told = (error: string, hcloud?: object) => sentenceOf([error], settings(hcloud), "production");

describe("what Hetzner Cloud answers is told in one sentence", () => {
  it.each([
    ["softswitch-ipv4: API request failed: An unexpected error was encountered during an API request.\n\nunable to authenticate (unauthorized)\n\nError code: unauthorized\nStatus code: 401", "does not take the token (HCLOUD_TOKEN in the environment)"],
    ["machines-key: token is read-only (token_readonly, 3a5c)", "it is one for reading"],
    ["softswitch-server: server name is already used (uniqueness_error, 3a5c)", "a server 'houseline-production-softswitch' already, and this stack did not make it"],
    ["softswitch-ipv6: primary_ip name is already used (uniqueness_error)", "a Primary IP 'houseline-production-softswitch-ipv6' already"],
    ["machines-key: SSH key with the same fingerprint already exists (uniqueness_error)", "Your public key is in the token's project at Hetzner Cloud already"],
    ["softswitch-server: server limit reached (resource_limit_exceeded)", "raise the limit in its console"],
    ["softswitch-server: we are unable to provision servers for this location (resource_unavailable)", "no room for softswitch-server in fsn1 now"],
    ["softswitch-server: server is locked (locked)", "too busy or can't be reached (server is locked (locked))"],
  ])("%s", (error, sentence) => {
    expect(told(error)).toContain(sentence);
    expect(told(error)).not.toContain("\n\n");
  });

  it("names the setting that the token came by, and never the token", () => {
    const token = "c".repeat(64);
    expect(told("machines-key: unable to authenticate (unauthorized)", { token })).toMatch(/'houseline:hosts\.hcloud\.token'/);
    expect(told("machines-key: unable to authenticate (unauthorized)", { token })).not.toContain(token);
  });

  it("has none for what it doesn't know", () => {
    expect(told("softswitch-server: server type ccx99 not found")).toBeUndefined();
  });
});

it.each([
  [["a: server is locked (locked)"], true], [["a: rate limit exceeded (rate_limit_exceeded)"], true], [["a: hcloud: server responded with status code 503"], true], [["a: Post \"https://…\": EOF"], true],
  [["a: Post \"https://…\": read tcp: connection reset by peer"], true], [["a: server is locked (locked)", "b: server name is already used (uniqueness_error)"], false], [["a: server is protected (protected)"], false], [[], false],
])("%j may pass: %s", (errors, passes) => {
  expect(isPassing(errors)).toBe(passes);
});
