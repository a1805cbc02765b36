import { describe, expect, it } from "vitest";
import { lockChanges, npmVersions, packageVersions } from "./lock-changes.ts";

describe("what changed in a lock", () => {
  it("is told by name: newer, new, gone", () => {
    const before = packageVersions("# a comment\namd64 freeswitch 1.11.1 aa\namd64 libold 1 bb\namd64 libsame 2 cc\n");
    const after = packageVersions("# a comment\namd64 freeswitch 1.11.2 dd\namd64 libnew 3 ee\namd64 libsame 2 cc\n");
    expect(lockChanges(before, after)).toEqual(["freeswitch (amd64): 1.11.1 → 1.11.2", "libnew (amd64): new, 3", "libold (amd64): gone, it was 1"]);
    expect(lockChanges(before, before)).toEqual([]);
  });

  it("of npm's lock, by where a package lies, without the repository's own parts", () => {
    const lock = (version: string) => JSON.stringify({ packages: { "": {}, "app/server": { version: "1" }, "node_modules/@houseline/server": { link: true }, "node_modules/ws": { version }, "node_modules/a/node_modules/ws": { version: "7.0.0" } } });
    expect(lockChanges(npmVersions(lock("8.1.0")), npmVersions(lock("8.2.0")))).toEqual(["ws: 8.1.0 → 8.2.0"]);
  });
});
