import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { repositoryRoot } from "./images.ts";
import { hasStandby } from "./placement.ts";
import { keyPaths, readSettings } from "./settings.ts";

const page = readFileSync(join(repositoryRoot, "docs/configuration.md"), "utf8");
const rows = new Map([...page.matchAll(/^\| `([a-zA-Z0-9.]+)` \| (.*?) \|/gm)].map(([, key = "", fallback = ""]) => [key, fallback]));

describe("docs/configuration.md", () => {
  it("has every key, in the order of the schema, and no other", () => {
    expect([...rows.keys()]).toEqual(keyPaths);
  });

  it("gives the defaults that the schema has", () => {
    const defaults = readSettings({}, {}, "nothing");
    for (const [key, shown] of rows) {
      const value = key.split(".").reduce<unknown>((node, step) => (node as Record<string, unknown> | undefined)?.[step], defaults);
      if (value !== undefined) expect(shown, key).toBe(`\`${String(value)}\``);
    }
  });
});

describe("the stacks that come with the repository", () => {
  it.each(["Pulumi.local.yaml", "Pulumi.production.example.yaml", "Pulumi.ssh.example.yaml", "Pulumi.hcloud.example.yaml"])("%s is valid", (file) => {
    const { config } = parse(readFileSync(join(repositoryRoot, file), "utf8")) as { config: Record<string, unknown> };
    const own = Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace(/^houseline:/, ""), value]));
    expect(() => readSettings(own, {}, file)).not.toThrow();
  });

  it("Pulumi.ssh.example.yaml is valid with the softswitch in reserve that it has as a comment", () => {
    const text = readFileSync(join(repositoryRoot, "Pulumi.ssh.example.yaml"), "utf8").replace(/^( +)# (standby:|  \w+: .*)$/gm, "$1$2");
    const { config } = parse(text) as { config: Record<string, unknown> };
    const settings = readSettings(Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace(/^houseline:/, ""), value])), {}, "Pulumi.ssh.example.yaml");
    expect(hasStandby(settings)).toBe(true);
  });
});
