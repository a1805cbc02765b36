import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../pulumi/process.ts";
import { partsIn, writeParts, type PartName } from "./backup-archive.ts";

describe("the file of a backup", () => {
  let folder: string;
  beforeAll(() => { folder = mkdtempSync(join(tmpdir(), "houseline-archive-")); });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function written(name: string, parts: Partial<Record<PartName, string>>): Promise<string> {
    const file = join(folder, name);
    const descriptor = openSync(file, "w");
    await writeParts(descriptor, new Map(Object.entries(parts).map(([part, text]) => [part as PartName, (to: number) => {
      if (text !== "") writeSync(to, gzipSync(text));
      return Promise.resolve(text !== "");
    }])));
    closeSync(descriptor);
    return file;
  }

  it("of one host is its archive as it is", async () => {
    const file = await written("one", { application: "people" });
    expect(partsIn(file)).toEqual(new Map([["whole", { offset: 0, length: readFileSync(file).length }]]));
  });

  it("of several has an archive of each, in the order in which they came, and tar reads it too", async () => {
    const file = await written("three", { application: "people", softswitch: "messages", standby: "" });
    expect([...partsIn(file)!.keys()]).toEqual(["application", "softswitch"]);
    const { offset, length } = partsIn(file)!.get("softswitch")!;
    expect(readFileSync(file).subarray(offset, offset + length)).toEqual(gzipSync("messages"));
    expect((await run("tar", ["--list", "--file", file])).stdout).toBe("application.tar.gz\nsoftswitch.tar.gz\nstandby.missing\n");
  });

  it("that is cut off, has no people, or is something else is none", async () => {
    const file = await written("cut", { application: "people", softswitch: "messages" });
    truncateSync(file, 600);
    expect(partsIn(file)).toBeUndefined();
    expect(partsIn(await written("headless", { softswitch: "messages", standby: "more" }))).toBeUndefined();
    for (const text of ["hello", "", "x".repeat(5_000)]) {
      writeFileSync(join(folder, "other"), text);
      expect(partsIn(join(folder, "other"))).toBeUndefined();
    }
  });
});
