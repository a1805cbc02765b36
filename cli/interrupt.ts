import { readFileSync } from "node:fs";

/**
 * Ends the engine's command that this process started: the first SIGINT asks, the second ends it at once and gives its
 * lock back. What it had told Docker, Docker does.
 */
export function interruptChildren(): void {
  for (const pid of children(process.pid)) {
    if (commandOf(pid) !== "pulumi") continue;
    process.kill(pid, "SIGINT");
    setTimeout(() => {
      try {
        process.kill(pid, "SIGINT");
      } catch {
        // It has ended at the first.
      }
    }, 500);
  }
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
