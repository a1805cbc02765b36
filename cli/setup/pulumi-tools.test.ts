import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root } from "../paths.ts";
import { cliVersion, hcloudVersion, pluginVersion } from "./pulumi-tools.ts";

it("the CLI and the plugins are of their SDKs' versions, and Renovate finds which SDK each belongs to", () => {
  const read = (file: string) => readFileSync(join(root, file), "utf8");
  const { dependencies } = JSON.parse(read("package.json")) as { dependencies: Record<string, string> };
  const { customManagers } = JSON.parse(read("renovate.json")) as { customManagers: { managerFilePatterns: string[]; matchStrings: string[] }[] };
  const file = "cli/setup/pulumi-tools.ts";
  const { matchStrings: [expression] } = customManagers.find(({ managerFilePatterns: [pattern] }) => new RegExp(pattern!.slice(1, -1)).test(file))!;
  const found = [...read(file).matchAll(new RegExp(expression!, "g"))].map(({ groups }) => [groups!.depName, groups!.currentValue]);
  expect(Object.fromEntries(found)).toEqual({ "@pulumi/pulumi": cliVersion, "@pulumi/docker": pluginVersion, "@pulumi/hcloud": hcloudVersion });
  expect(dependencies).toMatchObject(Object.fromEntries(found));
});

it("a plugin that is built here says that it is of its SDK's version", () => {
  const served = (provider: string) => /const version = "(.*)"/.exec(readFileSync(join(root, "tools/pulumi-offline", provider, "main.go"), "utf8"))?.[1];
  expect([served("docker"), served("hcloud")]).toEqual([pluginVersion, hcloudVersion]);
});
