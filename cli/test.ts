import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { run } from "../pulumi/process.ts";
import { Failure } from "./failure.ts";
import { endRun, runMark } from "./leftovers.ts";
import { readOptions } from "./options.ts";
import { root } from "./paths.ts";
import { forTesting, forUnitTests, setUp } from "./setup/index.ts";

const projects = ["unit", "integration", "e2e", "freeswitch", "long"] as const;
type Project = (typeof projects)[number];
/** Minutes of a run of everything after which none of the long scenes, which come last, is begun any more: a job of CI has an end, and a slow machine too. */
const mostMinutes = 27;

interface Counts { passed: number; failed: number; skipped: number; failures: string[] }

/** Of vitest's JSON report, what is used here (https://vitest.dev/guide/reporters#json-reporter). */
interface Report {
  numPassedTests: number; numFailedTests: number; numPendingTests: number; numTodoTests: number;
  testResults: { name: string; status: string; message: string; assertionResults: { status: string; fullName: string; failureMessages: string[] }[] }[];
}

/** `./houseline test`: lint, types, then every vitest project; ends with `N passed, N failed, N skipped`. */
export async function test(args: string[]): Promise<number> {
  const latest = Date.now() + mostMinutes * 60_000;
  const { wanted, yes } = parseOptions(args);
  if (wanted.length > 1) process.env.HOUSELINE_TEST_LATEST = String(latest);
  const counts: Counts = { passed: 0, failed: 0, skipped: 0, failures: [] };
  // They need nothing of what is set up, which is downloaded for the most part.
  const checks = wanted.includes("unit") ? [check("lint", ["eslint", "."]), check("types", ["tsc", "--noEmit"])] : [];
  const withDocker = wanted.some((project) => project !== "unit");
  await setUp(withDocker ? forTesting : forUnitTests, { yes });
  for (const { name, code, output } of await Promise.all(checks)) {
    if (code === 0) counts.passed++;
    else fail(counts, name);
    console.log(`${output}${name}: ${code === 0 ? "passed" : "failed"}`);
  }
  // Ctrl-C ends the runner, which is in the same group; what it had deployed is removed here.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => {});
  for (const project of wanted) await runProject(project, counts);
  if (withDocker) await endRun(process.pid);
  // Once more at the end: a log of CI is often kept from its end only.
  if (counts.failures.length > 0) console.log(`\nFailed:\n${counts.failures.map((failure) => `  ${failure}`).join("\n")}`);
  console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed === 0 && counts.passed > 0 ? 0 : 1;
}

function parseOptions(args: string[]): { wanted: readonly Project[]; yes: boolean } {
  const { values: { only, yes = false } } = readOptions("test", args, { only: { type: "string" }, yes: { type: "boolean" } });
  if (only === undefined) return { wanted: projects, yes };
  const project = projects.find((name) => name === only);
  if (!project) throw new Failure(`--only takes one of ${projects.join(", ")}; it was given '${only}'.`);
  return { wanted: [project], yes };
}

/** A whole-tree check counts as one test. */
async function check(name: string, [command = "", ...args]: string[]): Promise<{ name: string; code: number; output: string }> {
  const { code, stdout, stderr } = await run(binary(command), args, { directory: root });
  return { name, code, output: stdout + stderr };
}

async function runProject(project: Project, counts: Counts): Promise<void> {
  const folder = join(root, ".houseline", "test");
  const report = join(folder, `${project}-${process.pid}.json`);
  mkdirSync(folder, { recursive: true });
  const code = await runVitest("--project", project, "--reporter=default", "--reporter=json", `--outputFile.json=${report}`);
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

/** Of the npm dependencies. */
const binary = (name: string) => join(root, "node_modules", ".bin", name);

/** Its output goes straight through. */
function runVitest(...words: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(binary("vitest"), ["run", ...words], { cwd: root, stdio: "inherit", env: { ...process.env, [runMark]: String(process.pid) } });
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 1));
  });
}
