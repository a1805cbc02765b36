import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readSettings } from "../pulumi/settings.ts";
import { allImagesOf, beginRelease, currentRelease, imagesFor, releases, resultOf } from "./releases.ts";

let target: { stack: string; directory: string; configuration: string };
beforeEach(() => { target = { stack: "test", directory: mkdtempSync(join(tmpdir(), "houseline-releases-")), configuration: "" }; });
afterEach(() => rmSync(target.directory, { recursive: true, force: true }));

const settings = readSettings({ signIn: { jwtSecret: "a-secret-that-signs-tokens-of-32-and-more" } }, {}, "x");
const begin = (tag: string) => beginRelease(target, new Date(), { command: "up", switch: "lab-switch", images: { "app-server": `houseline/app-server:${tag}` }, settings });

describe("the record of deployments", () => {
  it("has each from its beginning, and how it ended; one that was killed has no end", () => {
    begin("one")("deployed", ["a"]);
    begin("two");
    expect(releases(target).map((release) => resultOf(target, release))).toEqual(["deployed", "interrupted"]);
    begin("three")("failed", []);
    expect(releases(target).map((release) => resultOf(target, release))).toEqual(["deployed", "interrupted", "failed"]);
    expect(currentRelease(target)).toMatchObject({ images: { "app-server": "houseline/app-server:one" }, containers: ["a"] });
  });

  it("keeps no secret, is for its user alone, and has a bound", () => {
    for (let n = 0; n < 510; n++) begin(String(n))("deployed", []);
    const file = join(target.directory, "releases.jsonl");
    expect(readFileSync(file, "utf8")).not.toContain(settings.signIn.jwtSecret);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const list = releases(target);
    expect([list.length, list.at(-1)!.images["app-server"]]).toEqual([500, "houseline/app-server:509"]);
  });

  it("passes over a line that was cut off, and goes on after it", () => {
    begin("one")("deployed", []);
    const file = join(target.directory, "releases.jsonl");
    writeFileSync(file, `${readFileSync(file, "utf8")}{"time":"2026-`);
    begin("two")("deployed", []);
    expect(releases(target).map(({ images }) => images["app-server"])).toEqual(["houseline/app-server:one", "houseline/app-server:two"]);
  });
});

it("the images of a host are its own: of each application server and of the softswitch in reserve, where they are others", () => {
  const images = (tag: string) => ({ "app-server": `houseline/app-server:${tag}` });
  const release = { images: images("a"), applicationImages: images("b"), standbyImages: images("c"), moreApplicationImages: { "phone2.example.com": images("d") } };
  const tags = (of: Parameters<typeof imagesFor>[1]) => ([{ servers: "softswitch" }, { servers: "application" }, { servers: "standby" }, { servers: "application", site: "phone2.example.com" }, { servers: "application", site: "phone3.example.com" }] as const)
    .map((host) => imagesFor(host, of)["app-server"]!.at(-1)).join("");
  // One that the release didn't have yet gets those of the first.
  expect(tags(release)).toBe("abcdb");
  expect(tags({ images: images("a") })).toBe("aaaaa");
  expect(allImagesOf(release).map((reference) => reference.at(-1)).join("")).toBe("abcd");
});
