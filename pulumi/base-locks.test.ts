import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { baseImages } from "./image-inputs.ts";
import { baseLockFile, baseLocks, lockedReference } from "./base-locks.ts";
import { imageNames, repositoryRoot } from "./images.ts";

const digest = `sha256:${"4".repeat(64)}`;

describe("images/bases.lock", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "houseline-locks-"));
    mkdirSync(join(root, "images"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it("of this repository has every image that a Dockerfile begins from", () => {
    const used = new Set(imageNames.flatMap((name) => baseImages(readFileSync(join(repositoryRoot, "images", name, "Dockerfile"), "utf8"))));
    expect(new Set(baseLocks(repositoryRoot).keys())).toEqual(used);
  });

  it("locks by digest, or says that it doesn't", () => {
    writeFileSync(join(root, baseLockFile), `# a comment\n\ndebian:bookworm-slim ${digest}\ncaddy:2 unlocked\n`);
    expect([...baseLocks(root)]).toEqual([["debian:bookworm-slim", digest], ["caddy:2", undefined]]);
    expect(lockedReference("debian:bookworm-slim", digest)).toBe(`debian@${digest}`);
    expect(lockedReference("registry.example.com:5000/base/node:24", digest)).toBe(`registry.example.com:5000/base/node@${digest}`);
  });

  it("with a line that is neither is refused with its number", () => {
    writeFileSync(join(root, baseLockFile), "debian:bookworm-slim sha256:44\n");
    expect(() => baseLocks(root)).toThrow("images/bases.lock, line 1: 'debian:bookworm-slim sha256:44' is neither");
  });

  it("is understood by Renovate's rule for it", () => {
    const { customManagers: [manager] } = JSON.parse(readFileSync(join(repositoryRoot, "renovate.json"), "utf8")) as { customManagers: { managerFilePatterns: string[]; matchStrings: string[] }[] };
    expect(new RegExp(manager!.managerFilePatterns[0]!.slice(1, -1)).test(baseLockFile)).toBe(true);
    const matches = [...`# a comment\ndebian:bookworm-slim ${digest}\ncaddy:2 unlocked\nregistry.example.com:5000/base/node:24 ${digest}\n`.matchAll(new RegExp(manager!.matchStrings[0]!, "g"))];
    expect(matches.map(({ groups }) => ({ ...groups }))).toEqual([
      { depName: "debian", currentValue: "bookworm-slim", currentDigest: digest },
      { depName: "registry.example.com:5000/base/node", currentValue: "24", currentDigest: digest },
    ]);
  });
});
