import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { weighContainers } from "./container-weight.ts";

let root: string;
beforeEach(() => { root = mkdtempSync(join(tmpdir(), "houseline-cgroup-")); });
afterEach(() => rmSync(root, { recursive: true }));

/** A file of the kernel's, in a folder that stands for its hierarchy. */
function file(...path: string[]): string {
  const name = join(root, ...path);
  mkdirSync(join(name, ".."), { recursive: true });
  writeFileSync(name, "");
  return name;
}

test.each([["cpu", "cpu.shares", "8192"], ["cpu,cpuacct", "cpu.shares", "8192"]])("of version 1, in %s", (hierarchy, name, weight) => {
  const shares = file(hierarchy, "docker", name);
  expect([weighContainers(root), readFileSync(shares, "utf8")]).toEqual([true, weight]);
});

test("of version 2, in which the parent has to share processors out", () => {
  file("cgroup.controllers");
  const control = file("cgroup.subtree_control");
  expect([weighContainers(root), readFileSync(control, "utf8")]).toEqual([false, "+cpu"]);
  const weight = file("docker", "cpu.weight");
  expect([weighContainers(root), readFileSync(weight, "utf8")]).toEqual([true, "800"]);
});

test("where there are none, nothing is made and nothing fails", () => {
  expect([weighContainers(join(root, "nowhere")), existsSync(join(root, "nowhere"))]).toEqual([false, false]);
});
