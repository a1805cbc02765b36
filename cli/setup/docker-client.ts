import { onPath } from "./on-path.ts";
import { installPackages } from "./packages.ts";
import type { Prerequisite } from "./prerequisite.ts";

/** For a stack on other hosts this machine needs no Docker of its own, only what speaks to theirs. */
export const dockerProgram: Prerequisite = {
  name: "Docker's client",
  mend: "apt-get install docker.io (or docker-cli, where there is such a package)",
  find: async () => onPath("docker"),
  get: (consent) => installPackages(["docker.io"], "Docker's client is missing; the Docker of the stack's hosts is spoken to by it.", consent),
};
