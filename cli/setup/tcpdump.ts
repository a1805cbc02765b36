import { onPath } from "./on-path.ts";
import { installPackages } from "./packages.ts";
import type { Prerequisite } from "./prerequisite.ts";

/** By which the tests of upgrades know when the switch sent what. */
export const tcpdump: Prerequisite = {
  name: "tcpdump (for the tests alone)",
  mend: "apt-get install tcpdump",
  find: async () => onPath("tcpdump"),
  get: (consent) => installPackages(["tcpdump"], "tcpdump is missing; the tests of upgrades measure with it when the switch sends a voice.", consent),
};
