/** An upgrade of every service, killed with SIGKILL at each of its steps in turn. The short version is in the tests. */
import { Interrupted, type Interruption } from "../support/interrupted.ts";
import { median, report } from "./figures.ts";

/** A part of the steps (`1-20`), where a quarter of an hour at once is too long. */
const [first = 1, last = Infinity] = process.env.HOUSELINE_BENCH_STEPS?.split("-").map(Number) ?? [];
const scene = await Interrupted.open();
try {
  const steps = (await scene.steps()).slice(first - 1, last);
  const outcomes: Interruption[] = [];
  for (const [index, step] of steps.entries()) {
    const outcome = await scene.killAt(step).catch((error: Error): Interruption => ({ reached: true, callSeconds: Infinity, notMended: error.message }));
    process.stderr.write(`  ${index + 1}/${steps.length} ${step}: ${outcome.reached ? "" : "not passed this time; "}a call after ${outcome.callSeconds.toFixed(1)} s, status ${outcome.untruth ?? "true"}, ${outcome.notMended ?? "mended"}\n`);
    if (outcome.reached) outcomes.push(outcome);
  }
  const bad = (name: string, isBad: (outcome: Interruption) => boolean) => {
    const value = outcomes.filter(isBad).length;
    report({ name, value, unit: "kills", goal: "0", ok: value === 0 });
  };
  report({ name: "steps of an upgrade at which its command was killed", value: outcomes.length, unit: "kills" });
  bad("kills after which two people could not sign in and call within 30 s", ({ callSeconds }) => callSeconds === Infinity);
  bad("kills after which status did not tell what Docker has", ({ untruth }) => untruth !== undefined);
  bad("kills that the next up did not mend", ({ notMended }) => notMended !== undefined);
  const waits = outcomes.map(({ callSeconds }) => callSeconds).filter(Number.isFinite);
  report({ name: "signing in and calling after a kill, median", value: median(waits), unit: "s" });
  report({ name: "signing in and calling after a kill, the longest", value: Math.max(...waits), unit: "s" });
  process.exitCode = outcomes.every(({ callSeconds, untruth, notMended }) => callSeconds < Infinity && untruth === undefined && notMended === undefined) ? 0 : 1;
} finally {
  await scene.end();
}
process.exit();
