import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { repositoryRoot } from "./images.ts";
import { hasStandby, moreApplicationsOf } from "./placement.ts";
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

/** What stands under `houseline:` in a stack's file. */
function configOf(text: string): Record<string, unknown> {
  const { config } = parse(text) as { config: Record<string, unknown> };
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace(/^houseline:/, ""), value]));
}

const textOf = (file: string) => readFileSync(join(repositoryRoot, file), "utf8");

describe("the stacks that come with the repository", () => {
  it.each(["Pulumi.local.yaml", "Pulumi.production.example.yaml", "Pulumi.ssh.example.yaml", "Pulumi.hcloud.example.yaml"])("%s is valid", (file) => {
    expect(() => readSettings(configOf(textOf(file)), {}, file)).not.toThrow();
  });

  it("Pulumi.ssh.example.yaml is valid with the softswitch in reserve that it has as a comment", () => {
    const text = textOf("Pulumi.ssh.example.yaml").replace(/^( +)# (standby:|  \w+: .*)$/gm, "$1$2");
    expect(hasStandby(readSettings(configOf(text), {}, "Pulumi.ssh.example.yaml"))).toBe(true);
  });

  it("docs/examples/several-application-servers.yaml is valid with the database that it names", () => {
    const text = textOf("docs/examples/several-application-servers.yaml");
    const url = /HOUSELINE_SECRETS_DATABASE_URL='(.+)'/.exec(text)![1]!;
    expect(moreApplicationsOf(readSettings(configOf(text), { HOUSELINE_SECRETS_DATABASE_URL: url }, "x"))).toHaveLength(1);
    expect(() => readSettings(configOf(text), {}, "x")).toThrow("several application servers share one PostgreSQL");
  });
});
