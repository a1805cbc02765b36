/** A few hundred kills of an application server under load, on each database: what it acknowledged, it has. The short version is in the tests. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { root } from "../support/deployment.ts";
import { report } from "./figures.ts";

const each = Number(process.env.HOUSELINE_BENCH_KILLS ?? 150);

const code = await new Promise<number>((resolve, reject) => {
  spawn(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), "run", "--project", "unit", "app/server/crash.test.ts", "-t", "killed under load"],
    { cwd: root, stdio: "inherit", env: { ...process.env, HOUSELINE_KILLS: String(each) } }).on("error", reject).on("exit", (exit) => resolve(exit ?? 1));
});
report({ name: `runs that lost or doubled something in ${each} kills on SQLite and ${each} on PostgreSQL`, value: code === 0 ? 0 : 1, unit: "runs", goal: "0", ok: code === 0 });
process.exit(code);
