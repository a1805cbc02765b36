import { readFileSync, writeFileSync } from "node:fs";
import { constants, setPriority } from "node:os";

/** What the kernel keeps of a terminal's processes together. (sched(7), "The autogroup feature") */
const session = "/proc/self/autogroup";

/**
 * People may be talking on this machine: this process, and what it starts, gives way to them. Where the kernel shares processors out
 * by session, a process's own priority counts among the processes of its session alone; the session's then counts, until this ends.
 */
export function giveWay(): void {
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  // To lower it is everybody's; to take that back, without which somebody's terminal would stay slow, is root's.
  if (process.getuid?.() !== 0) return;
  try {
    const before = Number(/nice (-?\d+)/.exec(readFileSync(session, "utf8"))?.[1]);
    // Lower already: as somebody wanted it, or another command of ours.
    if (!(before < constants.priority.PRIORITY_BELOW_NORMAL)) return;
    writeFileSync(session, String(constants.priority.PRIORITY_BELOW_NORMAL));
    process.once("exit", () => writeFileSync(session, String(before)));
  } catch { /* This kernel, or this container, shares processors out in another way. */ }
}
