import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { holderOf, holdingLock } from "./stack-lock.ts";

const folders: string[] = [];
let target: { stack: string; directory: string; configuration: string };

beforeEach(() => {
  const directory = mkdtempSync(join(tmpdir(), "houseline-lock-"));
  folders.push(directory);
  target = { stack: "test", directory, configuration: "" };
});
afterAll(() => { for (const folder of folders) rmSync(folder, { recursive: true, force: true }); });

const write = (holder: object) => writeFileSync(join(target.directory, "lock.json"), JSON.stringify({ user: "root", since: "2026-01-01T00:00:00Z", command: "./houseline up", ...holder }));

/** A command of its own process that takes the lock and keeps it until its standard input ends. */
function command(): { said: Promise<string>; end(): void } {
  const program = `import { holdingLock } from ${JSON.stringify(join(import.meta.dirname, "stack-lock.ts"))};
    try { await holdingLock(${JSON.stringify(target)}, "./houseline up", async () => { console.log("in"); for await (const _ of process.stdin); }); }
    catch (error) { console.log(error.message); }`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["pipe", "pipe", "inherit"] });
  return { said: new Promise((resolve) => child.stdout.setEncoding("utf8").once("data", (text: string) => resolve(text.trim()))), end: () => child.stdin.end() };
}

describe("the lock of a stack", () => {
  it("is given to one of eight who find the lock of a command that was killed", async () => {
    write({ pid: 4_194_305, started: "1", host: hostname() });
    const commands = Array.from({ length: 8 }, command);
    const said = await Promise.all(commands.map((one) => one.said));
    for (const one of commands) one.end();
    expect(said.filter((text) => text === "in")).toHaveLength(1);
    expect(said.filter((text) => /'\.\/houseline up' by .* \(process \d+, since .*\) is changing the stack 'test' right now/.test(text))).toHaveLength(7);
  });

  it("is free again however its holder ended, and says who holds it", async () => {
    const first = command();
    expect(await first.said).toBe("in");
    expect(holderOf(target)).toMatchObject({ command: "./houseline up", host: hostname() });
    await expect(holdingLock(target, "./houseline down", async () => 1)).rejects.toThrow("is changing the stack 'test'");
    process.kill(holderOf(target)!.pid, "SIGKILL");
    await expect.poll(() => holderOf(target)).toBeUndefined();
    expect(await holdingLock(target, "./houseline down", async () => 1)).toBe(1);
  });

  it("held on another host is that host's, whether or not it can be seen", async () => {
    write({ pid: 1, started: "1", host: "elsewhere" });
    await expect(holdingLock(target, "./houseline up", async () => 1)).rejects.toThrow(/\(process 1 on elsewhere, since .*If that host is gone for good, remove .*lock\.json\./);
  });
});
