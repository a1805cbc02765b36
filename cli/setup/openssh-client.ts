import { onPath } from "./on-path.ts";
import { installPackages } from "./packages.ts";
import type { Prerequisite } from "./prerequisite.ts";

/** By what hosts are reached. */
export const opensshClient: Prerequisite = {
  name: "OpenSSH's client (for stacks on other hosts)",
  mend: "apt-get install openssh-client",
  find: async () => onPath("ssh"),
  get: (consent) => installPackages(["openssh-client"], "ssh is missing; the stack's hosts are reached by it.", consent),
};
