import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { trimEngineHistory } from "./engine-history.ts";

const directory = mkdtempSync(join(tmpdir(), "houseline-history-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

it("of the engine's checkpoints the newest hundred are kept, and nothing else is touched", () => {
  const [history, backups] = ["history", "backups"].map((kind) => join(directory, "state/.pulumi", kind, "houseline/test")) as [string, string];
  for (const folder of [history, backups]) mkdirSync(folder, { recursive: true });
  for (let n = 0; n < 120; n++) {
    const stamp = String(1_795_691_987_540_932_000 + n * 1_000).padStart(19, "0");
    for (const end of ["history.json", "checkpoint.json"]) writeFileSync(join(history, `test-${stamp}.${end}`), "");
    writeFileSync(join(backups, `test.${stamp}.json`), "");
  }
  writeFileSync(join(history, "README.json"), "");
  trimEngineHistory({ stack: "test", directory, configuration: "" });
  expect([readdirSync(history).length, readdirSync(backups).length]).toEqual([101, 100]);
  expect(readdirSync(backups).sort().at(0)).toMatch(/540952\d+\.json$/);
  expect(readdirSync(history)).toContain("README.json");
});
