import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A user of its own, for one browser: the kernel can tell its packets from everybody else's. */
export const cutOffUser = 54_321;

/**
 * Loses everything that a browser started as `cutOffUser` sends (iptables, "owner"), until the function that it returns is called.
 * Its sockets stay open, as they do when a laptop leaves its wireless network.
 *
 * @param what of it alone, as iptables matches it: `-p`, `udp`
 */
export async function cutNetwork(...what: readonly string[]): Promise<() => Promise<void>> {
  const rule = ["OUTPUT", "-m", "owner", "--uid-owner", String(cutOffUser), ...what, "-j", "DROP"];
  await run("iptables", ["-I", ...rule]);
  let cut = true;
  return async () => {
    if (!cut) return;
    cut = false;
    await run("iptables", ["-D", ...rule]);
  };
}
