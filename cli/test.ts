import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { Failure } from "./failure.ts";
import { endRun, runMark } from "./leftovers.ts";
import { readOptions } from "./options.ts";
import { root } from "./paths.ts";
import { forTesting, forUnitTests, setUp } from "./setup/index.ts";

const projects = ["unit", "integration", "e2e", "freeswitch"] as const;

interface Counts { passed: number; failed: number; skipped: number; failures: string[] }

/** Of vitest's JSON report, what is used here (https://vitest.dev/guide/reporters#json-reporter). */
interface Report {
  numPassedTests: number; numFailedTests: number; numPendingTests: number; numTodoTests: number;
  testResults: { name: string; status: string; message: string; assertionResults: { status: string; fullName: string; failureMessages: string[] }[] }[];
}

/** `./houseline test`: lint, types, then every vitest project; ends with `N passed, N failed, N skipped`. */
export async function test(args: string[]): Promise<number> {
  const { wanted, yes } = parseOptions(args);
  if (wanted.some((project) => project !== "unit" && hasTests(project))) await setUp(forTesting, { yes });
  else await setUp(forUnitTests, { yes });
  const counts: Counts = { passed: 0, failed: 0, skipped: 0, failures: [] };
  if (wanted.length === projects.length || wanted.includes("unit")) {
    await check("lint", ["eslint", "."], counts);
    await check("types", ["tsc", "--noEmit"], counts);
  }
  const withDocker = wanted.some((project) => project !== "unit" && hasTests(project));
  // Ctrl-C ends the runner, which is in the same group; what it had deployed is removed here.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => {});
  for (const project of wanted) {
    if (project !== "unit" && !hasTests(project)) continue;
    await runProject(project, counts);
  }
  if (withDocker) await endRun(process.pid);
  // Once more at the end: a log of CI is often kept from its end only.
  if (counts.failures.length > 0) console.log(`\nFailed:\n${counts.failures.map((failure) => `  ${failure}`).join("\n")}`);
  console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed === 0 && counts.passed > 0 ? 0 : 1;
}

function parseOptions(args: string[]): { wanted: readonly (typeof projects)[number][]; yes: boolean } {
  const { values: { only, yes = false } } = readOptions("test", args, { only: { type: "string" }, yes: { type: "boolean" } });
  if (only === undefined) return { wanted: projects, yes };
  const project = projects.find((name) => name === only);
  if (!project) throw new Failure(`--only takes one of ${projects.join(", ")}; it was given '${only}'.`);
  return { wanted: [project], yes };
}

function hasTests(project: string): boolean {
  const folder = join(root, "test", project);
  return existsSync(folder) && readdirSync(folder, { recursive: true }).some((file) => String(file).endsWith(".test.ts"));
}

/** A whole-tree check counts as one test. */
async function check(name: string, command: string[], counts: Counts): Promise<void> {
  const code = await run(command);
  if (code === 0) counts.passed++;
  else fail(counts, name);
  console.log(`${name}: ${code === 0 ? "passed" : "failed"}`);
}

async function runProject(project: string, counts: Counts): Promise<void> {
  const folder = join(root, ".houseline", "test");
  const report = join(folder, `${project}-${process.pid}.json`);
  mkdirSync(folder, { recursive: true });
  const code = await run(["vitest", "run", "--project", project, "--reporter=default", "--reporter=json", `--outputFile.json=${report}`]);
  // A runner that died before its report counts as a failure: silence must never look like success.
  if (!existsSync(report)) {
    return fail(counts, `${project}: the runner ended with ${code} and without a report`);
  }
  const result = JSON.parse(readFileSync(report, "utf8")) as Report;
  rmSync(report);
  counts.passed += result.numPassedTests;
  counts.failed += result.numFailedTests;
  counts.skipped += result.numPendingTests + result.numTodoTests;
  counts.failures.push(...failuresOf(result));
  if (code !== 0 && result.numFailedTests === 0) fail(counts, `${project}: the runner ended with ${code}`);
}

function fail(counts: Counts, what: string): void {
  counts.failed++;
  counts.failures.push(what);
}

/** A line for each failed test, and for each file that failed outside of one. */
function failuresOf({ testResults }: Report): string[] {
  const line = (file: string, what: string, message = "") => `${relative(root, file)} > ${what}: ${message.split("\n", 1)[0]}`;
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((one) => one.status === "failed");
    if (status === "failed" && failed.length === 0) return [line(name, "(the file)", message)];
    return failed.map((one) => line(name, one.fullName.trim(), one.failureMessages[0]));
  });
}

/** Runs a binary of the npm dependencies with this Node, the output going straight through. */
function run([name = "", ...args]: string[]): Promise<number> {
  const binary = join(root, "node_modules", ".bin", name);
  return new Promise((resolve, reject) => {
    const child = spawn(binary, args, { cwd: root, stdio: "inherit", env: { ...process.env, [runMark]: String(process.pid) } });
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 1));
  });
}
