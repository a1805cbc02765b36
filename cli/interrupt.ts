import { readFileSync } from "node:fs";

/** Milliseconds from the first SIGINT to the second, and between those after it. */
const secondMs = 500;
const moreMs = 3_000;

/**
 * Ends the engine's command that this process started: the first SIGINT asks, the second ends it at once and gives its
 * lock back. On a busy machine it sees two as one, and would wait for what it was told not to wait for: it gets another
 * until it has ended. What it had told Docker, Docker does.
 */
export function interruptChildren(): void {
  for (const pid of children(process.pid)) if (commandOf(pid) === "pulumi") interrupt(pid, secondMs);
}

function interrupt(pid: number, nextMs: number): void {
  // It has ended, and its number may be another's.
  if (commandOf(pid) !== "pulumi") return;
  process.kill(pid, "SIGINT");
  setTimeout(interrupt, nextMs, pid, moreMs).unref();
}

/** Processes started by any thread of a process. (proc(5), `children`) */
function children(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "";
  }
}
