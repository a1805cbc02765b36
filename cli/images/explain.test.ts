import { describe, expect, it } from "vitest";
import { differences } from "./explain.ts";

describe("what changed between two releases of an image", () => {
  it("is told by kind and in words", () => {
    const before = {
      "image x": "linux/amd64", "arg SOURCE": "1111", "base node:24": "sha256:1111", "deb freeswitch-mod-sofia": "1.11.1~1 aaaa", "deb freeswitch": "1.11.1~1 bbbb", "deb libc6": "2.36 cccc",
      "npm node_modules/ws": "8.1.0 sha512-a", "npm node_modules/a/node_modules/old": "1.0.0 sha512-o",
      "file app/gone.ts": "- 1", "file app/same.ts": "- 2", "file app/changed.ts": "- 3", "file app/run.sh": "- 4",
    };
    const after = {
      "image x": "linux/amd64", "arg SOURCE": "2222", "base node:24": "sha256:2222", "deb freeswitch-mod-sofia": "1.11.2~1 dddd", "deb freeswitch": "1.11.1~1 eeee", "deb libc6": "2.36 cccc",
      "npm node_modules/ws": "8.2.0 sha512-b", "npm node_modules/fresh": "2.0.0 sha512-f",
      "file app/same.ts": "- 2", "file app/changed.ts": "- 5", "file app/run.sh": "x 4", "file app/fresh.ts": "- 6",
    };
    expect(differences(before, after)).toEqual([
      "base image node:24: sha256:1111 → sha256:2222",
      "build argument SOURCE changed",
      "package freeswitch: 1.11.1~1 with other contents (its digest changed)",
      "package freeswitch-mod-sofia: 1.11.1~1 → 1.11.2~1",
      "npm package old: gone, it was 1.0.0",
      "npm package fresh: new, 2.0.0",
      "npm package ws: 8.1.0 → 8.2.0",
      "file app/changed.ts changed",
      "file app/fresh.ts is new",
      "file app/gone.ts is gone",
      "file app/run.sh became executable",
    ]);
  });

  it("is nothing for the same inputs", () => {
    expect(differences({ "file a": "- 1" }, { "file a": "- 1" })).toEqual([]);
  });
});
