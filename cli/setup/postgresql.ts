import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onPath } from "./on-path.ts";
import { installPackages } from "./packages.ts";
import type { Prerequisite } from "./prerequisite.ts";

const versions = "/usr/lib/postgresql";
/** Debian's package would start a server at once; the tests want the program alone. (createcluster(8)) */
const settings = "/etc/postgresql-common/createcluster.d";

/** The database server of the tests, which start and throw away their own; a deployment needs none. */
export const postgresql: Prerequisite = {
  name: "PostgreSQL (for the tests alone)",
  mend: "apt-get install postgresql",
  find: async () => findInitdb(),
  async get(consent) {
    const ours = join(settings, "houseline.conf");
    if (process.getuid?.() === 0) {
      mkdirSync(settings, { recursive: true });
      writeFileSync(ours, "create_main_cluster = false\n");
    }
    try {
      await installPackages(["postgresql"], "PostgreSQL is missing; the tests of the store run on one of their own.", consent);
    } finally {
      rmSync(ours, { force: true });
    }
  },
};

/** Debian keeps it by version, others on PATH. */
function findInitdb(): string | undefined {
  if (!existsSync(versions)) return onPath("initdb");
  return readdirSync(versions).map((version) => join(versions, version, "bin", "initdb")).find((path) => existsSync(path));
}
