import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

it("a command whose reader is gone does its work to the end, and ends", async () => {
  const program = `
    import { goOnUnread, say } from ${JSON.stringify(join(import.meta.dirname, "terminal.ts"))};
    goOnUnread();
    // As Pulumi's SDK has it while a deployment runs.
    process.on("uncaughtException", (error) => console.error(error));
    await new Promise((resolve) => process.stdin.once("data", resolve));
    for (let line = 0; line < 20; line++) {
      say("a line");
      console.error("another");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    process.exit(7);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["pipe", "pipe", "pipe"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.stdout.destroy();
  child.stderr.destroy();
  child.stdin.end("go\n");
  const outcome = await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 20_000, "it never ended").unref())]);
  // One that never ends has a core to itself.
  child.kill("SIGKILL");
  expect(outcome).toBe(7);
});
