import { readFileSync } from "node:fs";
import { docker } from "../support/docker.ts";

/** Clock ticks of a second in `/proc/<pid>/stat`. (sysconf(3), `_SC_CLK_TCK`: 100 on every Linux that Node runs on) */
const ticks = 100;

/** The process of FreeSWITCH in a container, as this machine sees it. */
export async function freeswitchOf(container: string): Promise<number> {
  const row = (await docker("top", container, "-eo", "pid,comm")).split("\n").find((line) => /\bfreeswitch$/.test(line.trim()));
  if (!row) throw new Error(`No FreeSWITCH runs in ${container}.`);
  return Number.parseInt(row, 10);
}

/** Seconds that a process has had of a core, in user and in kernel mode. (proc(5), `/proc/<pid>/stat`, fields 14 and 15) */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticks;
}

/** Resident memory of a process in kilobytes. */
export function residentKilobytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}
