import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = "/sys/fs/cgroup";
/** Where a group's weight stands, in cgroup v1 and v2, and what one has by itself. (cgroups(7)) */
const files = [["cpu.shares", 1_024], ["cpu.weight", 100]] as const;
/** Parts of what all containers have, where Docker puts them into one group, or one has where each is by itself. */
const parts = { people: 1 / 2, browsers: 1 / 8 } as const;

/** The group that this process came from, while it is in one of people. */
let joined: string | undefined;

/** A command that is nobody's of them, as whoever deploys starts it: with the weight of where this process came from. */
export function outsideOfGroup(command: readonly string[]): readonly string[] {
  return joined === undefined ? command : ["sh", "-c", 'echo $$ > "$0" && exec "$@"', join(joined, "cgroup.procs"), ...command];
}

/**
 * Control groups for the processors (cgroups(7)) in which a scene's people run: this process, and browsers. Everybody whom a scene
 * brings is on one machine with the server. Without groups of their own, browsers and agents stand beside all containers
 * together, each thread of theirs with as much weight as the whole telephone, which is no one's machine: in a company they sit
 * elsewhere. Agents, who measure, have half as much as all containers when there is not enough for all; browsers, which want half of
 * two processors, a little: what they hear goes through their own buffers. Nor are browsers real time in it, which they make
 * themselves where they are root's: such a group has none of that. (sched(7), "RT group scheduling", where the kernel has it)
 */
export class PeopleGroup {
  /** The browsers' group, for whoever starts one. */
  readonly browsers: string;
  readonly #people: string;
  readonly #before: string;

  private constructor(people: string, browsers: string, before: string) {
    this.#people = people;
    this.browsers = browsers;
    this.#before = before;
  }

  /** @returns undefined where the kernel, or who started us, allows no such group */
  static join(): PeopleGroup | undefined {
    const [hierarchy, own] = processorGroup();
    const made: string[] = [];
    try {
      const [people, browsers] = (["people", "browsers"] as const).map((name) => {
        const directory = join(hierarchy, `houseline-${name}-${process.pid}`);
        mkdirSync(directory, { recursive: true });
        made.push(directory);
        // A group of cgroup v2 has no weight of its own where its parent does not share the processors out.
        const [file, byItself] = files.find(([file]) => existsSync(join(directory, file))) ?? [];
        if (file === undefined) throw new Error("no weight");
        const containers = join(hierarchy, "docker", file);
        writeFileSync(join(directory, file), String(Math.round((existsSync(containers) ? Number(readFileSync(containers, "utf8")) : byItself) * parts[name])));
        return directory;
      }) as [string, string];
      writeFileSync(join(people, "cgroup.procs"), String(process.pid));
      joined = own;
      return new PeopleGroup(people, browsers, own);
    } catch {
      for (const directory of made) rmdirSync(directory);
      return undefined;
    }
  }

  /** Whatever is still in it goes where this process came from. */
  leave(): void {
    joined = undefined;
    for (const directory of [this.#people, this.browsers]) {
      for (const pid of readFileSync(join(directory, "cgroup.procs"), "utf8").split("\n").filter(Boolean)) {
        try { writeFileSync(join(this.#before, "cgroup.procs"), pid); } catch { /* It has ended. */ }
      }
      // Its last process may be about to end.
      try { rmdirSync(directory); } catch { process.once("exit", () => { try { rmdirSync(directory); } catch { /* Empty groups weigh nothing. */ } }); }
    }
  }
}

/** The folder of the hierarchy that shares out the processors, and the group in it in which this process is. */
function processorGroup(): [hierarchy: string, own: string] {
  const lines = readFileSync("/proc/self/cgroup", "utf8").trim().split("\n").map((line) => line.split(":"));
  const [, controllers = "", path = "/"] = lines.find(([, names = ""]) => names.split(",").includes("cpu")) ?? lines.find(([, names]) => names === "") ?? [];
  const hierarchy = controllers === "" ? root : [join(root, controllers), join(root, "cpu")].find(existsSync) ?? root;
  return [hierarchy, join(hierarchy, path)];
}
