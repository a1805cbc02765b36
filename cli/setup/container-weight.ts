import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Times the weight of one process. */
const weight = 8;

/**
 * A daemon that no systemd started puts its containers into one control group, and by itself that weighs as much as one process of the host: all voices
 * together as much as a compiler. Under systemd each container is a unit of its own. (dockerd(8), `--cgroup-parent`; cgroups(7), `cpu.shares`; cgroup v2, `cpu.weight`)
 *
 * @param root where control groups are mounted
 * @returns false where this kernel, or this container, allows no such thing: then all is as Docker makes it
 */
export function weighContainers(root = "/sys/fs/cgroup"): boolean {
  try {
    const isUnified = existsSync(join(root, "cgroup.controllers"));
    const hierarchy = isUnified ? root : ["cpu", "cpu,cpuacct"].map((name) => join(root, name)).find(existsSync);
    if (hierarchy === undefined) return false;
    const group = join(hierarchy, "docker");
    mkdirSync(group, { recursive: true });
    // A group has a weight where its parent shares the processors out.
    if (isUnified && !existsSync(join(group, "cpu.weight"))) writeFileSync(join(root, "cgroup.subtree_control"), "+cpu");
    const file = join(group, isUnified ? "cpu.weight" : "cpu.shares");
    if (!existsSync(file)) return false;
    writeFileSync(file, String(weight * (isUnified ? 100 : 1_024)));
    return true;
  } catch {
    return false;
  }
}
