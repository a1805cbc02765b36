import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mendCheckpoint } from "./engine-state.ts";

let target: { stack: string; directory: string; configuration: string };
let file: string;
beforeEach(() => {
  target = { stack: "test", directory: mkdtempSync(join(tmpdir(), "houseline-state-")), configuration: "" };
  for (const kind of ["stacks/houseline", "backups/houseline/test", "history/houseline/test"]) mkdirSync(join(target.directory, "state/.pulumi", kind), { recursive: true });
  file = join(target.directory, "state/.pulumi/stacks/houseline/test.json");
});
afterEach(() => rmSync(target.directory, { recursive: true, force: true }));

const checkpoint = (name: string) => JSON.stringify({ version: 3, checkpoint: { stack: name, latest: {} } });
const earlier = (path: string, text: string) => writeFileSync(join(target.directory, "state/.pulumi", path), text);

describe("the engine's checkpoint", () => {
  it("that is whole, or was never there, is left alone", () => {
    expect(mendCheckpoint(target)).toBe(false);
    expect(existsSync(file)).toBe(false);
    writeFileSync(file, checkpoint("now"));
    writeFileSync(`${file}.bak`, checkpoint("before"));
    expect(mendCheckpoint(target)).toBe(false);
    expect(readFileSync(file, "utf8")).toBe(checkpoint("now"));
  });

  it("is read again after a kill that left its attributes empty", () => {
    writeFileSync(file, checkpoint("now"));
    writeFileSync(`${file}.attrs`, "");
    writeFileSync(`${file}.bak.attrs`, "{}");
    expect(mendCheckpoint(target)).toBe(false);
    expect([existsSync(`${file}.attrs`), existsSync(`${file}.bak.attrs`)]).toEqual([false, true]);
  });

  it.each([["cut off", '{"version":3,"checkpoint":{"sta'], ["empty", ""], ["away", undefined]])("that is %s is replaced by its copy from before", (_, text) => {
    if (text !== undefined) writeFileSync(file, text);
    writeFileSync(`${file}.bak`, checkpoint("before"));
    expect(mendCheckpoint(target)).toBe(true);
    expect(readFileSync(file, "utf8")).toBe(checkpoint("before"));
    expect(mendCheckpoint(target)).toBe(false);
  });

  it("is taken from the newest whole backup when that is damaged too; without any, a new one begins and the damaged is kept", () => {
    writeFileSync(file, "{");
    writeFileSync(`${file}.bak`, "{");
    earlier("backups/houseline/test/test.1795692012248035023.json", "{");
    earlier("backups/houseline/test/test.1795692012248035022.json", checkpoint("backup"));
    earlier("history/houseline/test/test-1795692012248035021.checkpoint.json", checkpoint("history"));
    mendCheckpoint(target);
    expect(readFileSync(file, "utf8")).toBe(checkpoint("backup"));
    for (const path of ["backups", "history"]) rmSync(join(target.directory, "state/.pulumi", path), { recursive: true });
    writeFileSync(file, "{{");
    expect(mendCheckpoint(target)).toBe(true);
    expect([existsSync(file), readFileSync(`${file}.damaged`, "utf8")]).toEqual([false, "{{"]);
  });
});
