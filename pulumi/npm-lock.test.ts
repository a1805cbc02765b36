import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { lockedPackages } from "./npm-lock.ts";

const lock = JSON.stringify({ packages: {
  "": { devDependencies: { linter: "1" } },
  "app/a": { dependencies: { one: "1", "@houseline/b": "1" } },
  "node_modules/@houseline/b": { resolved: "app/b", link: true },
  "node_modules/one": { version: "1.0.0", integrity: "sha512-one", dependencies: { two: "2" }, optionalDependencies: { missing: "1" } },
  "node_modules/one/node_modules/two": { version: "2.0.0", integrity: "sha512-two", dependencies: { three: "3", one: "1" } },
  "node_modules/two": { version: "1.9.0", integrity: "sha512-old" },
  "node_modules/three": { version: "3.0.0", integrity: "sha512-three" },
  "node_modules/linter": { version: "9.0.0", integrity: "sha512-linter" },
} });

describe("the npm packages of a part", () => {
  it("are what it depends on, each from the nearest node_modules, and nothing else of the lock", () => {
    expect(lockedPackages(lock, ["app/a"])).toEqual({
      "node_modules/one": "1.0.0 sha512-one", "node_modules/one/node_modules/two": "2.0.0 sha512-two", "node_modules/three": "3.0.0 sha512-three",
    });
  });

  it("of this repository's own lock: the server's have ws and not the linter", () => {
    const packages = lockedPackages(readFileSync(join(import.meta.dirname, "../package-lock.json"), "utf8"), ["app/server"]);
    expect(Object.keys(packages)).toContain("node_modules/ws");
    expect(Object.keys(packages)).not.toContain("node_modules/eslint");
  });
});
